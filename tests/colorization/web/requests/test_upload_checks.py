import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorization.web.requests.upload_checks import (
    DAMAGED,
    accepted_suffixes,
    check_upload,
    named_by_content,
    safe_name,
)
from colorization.web.storage.limits import Limits
from retrieval.photos.reader import PictureError


def test_what_people_have_is_taken(
    odd_files: tuple[dict[str, Path], dict[str, Path]], tmp_path: Path
) -> None:
    tifffile.imwrite(
        tmp_path / "deep.tif", np.full((20, 30, 3), 40000, np.uint16), photometric="rgb"
    )
    for path in (*odd_files[1].values(), tmp_path / "deep.tif"):
        check_upload(path, Limits())


def test_heic_is_taken_with_its_extra(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(pictures["chelsea"])).save(tmp_path / "a.HEIC")
    check_upload(tmp_path / "a.HEIC", Limits())
    with pytest.raises(PictureError, match=r"a\.HEIC has 0.0 megapixels, 0.0 are taken"):
        check_upload(tmp_path / "a.HEIC", replace(Limits(), pixels=1000))
    data = (tmp_path / "a.HEIC").read_bytes()
    (tmp_path / "cut.heic").write_bytes(data[: len(data) // 2])
    with pytest.raises(PictureError, match=rf"^cut\.heic {re.escape(DAMAGED)}$"):
        check_upload(tmp_path / "cut.heic", Limits())


def test_without_the_extra_a_heic_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.photos.heic.can_read_heic", lambda: False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(
        PictureError,
        match=r'^a\.heic: reading HEIC needs pillow-heif: pip install -e "\.\[heic\]"$',
    ):
        check_upload(tmp_path / "a.heic", Limits())
    Image.new("L", (8, 8)).save(tmp_path / "b.heic", "JPEG")  # only its name is wrong
    check_upload(tmp_path / "b.heic", Limits())


def test_what_is_no_whole_picture_is_refused(
    odd_files: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    for path in odd_files[0].values():
        with pytest.raises(PictureError) as error:
            check_upload(path, Limits())
        line = str(error.value)
        assert line.startswith(f"{path.name} is damaged") and ". Choose another" in line


@pytest.mark.parametrize("name", ["-", "blob", "scan.2", "mum.txt"])
@pytest.mark.parametrize(
    ("kind", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png"), ("TIFF", ".tif"), ("WEBP", ".webp")]
)
def test_content_decides_whatever_the_name(
    tmp_path: Path, name: str, kind: str, suffix: str
) -> None:
    Image.new("L", (8, 8)).save(tmp_path / name, kind)
    check_upload(tmp_path / name, Limits())
    assert named_by_content(tmp_path / name) == tmp_path / f"{name}{suffix}"
    assert (tmp_path / f"{name}{suffix}").is_file()


def test_only_names_that_tell_nothing_change(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png", "JPEG")
    assert named_by_content(tmp_path / "a.png") == tmp_path / "a.png"
    Image.new("L", (8, 8)).save(tmp_path / "two", "MPO", save_all=True)  # as telephones write
    assert named_by_content(tmp_path / "two").name == "two.jpg"
    deep = np.full((20, 30, 3), 40000, np.uint16)
    tifffile.imwrite(tmp_path / "deep", deep, photometric="rgb")
    check_upload(tmp_path / "deep", Limits())
    assert named_by_content(tmp_path / "deep").name == "deep.tif"


def test_without_a_suffix_what_is_wrong_is_told(tmp_path: Path) -> None:
    Image.effect_noise((99, 99), 80).save(tmp_path / "cut", "JPEG")
    (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:2000])
    (tmp_path / "notes").write_text("no picture")
    Image.new("L", (8, 8)).save(tmp_path / "a.nef", "TIFF")  # the preview of a camera's raw file
    told = {
        "cut": rf"^cut {re.escape(DAMAGED)}$",
        "notes": r"^notes is no picture that Rechroma reads\. Choose a JPEG",
        "a.nef": r"^a\.nef is no picture that Rechroma reads\. Choose a JPEG",
    }
    for name, line in told.items():
        with pytest.raises(PictureError, match=line):
            check_upload(tmp_path / name, Limits())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("a.html", b"<script>alert(1)</script>"),
        # Pillow would start Ghostscript
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"),
        ("a.tif", b"II*\0\xff\xff\xff\xff"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(100)),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        PictureError, match=rf"^{name} is (no picture|damaged).*\. Choose [^\n]*\.$"
    ):
        check_upload(tmp_path / name, Limits())


def test_a_small_file_of_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """A PNG header that promises 50,000 x 50,000 pixels."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 50000, 50000, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(9))),
        (b"IEND", b""),
    ]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        data += (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(
        PictureError, match=r"bomb\.png has 2500 megapixels, 60 are taken\. Choose a smaller"
    ):
        check_upload(tmp_path / "bomb.png", Limits())
    tifffile.imwrite(tmp_path / "wide.tif", np.zeros((30, 40, 3), np.uint16), photometric="rgb")
    with pytest.raises(PictureError, match=r"0\.0 are taken"):
        check_upload(tmp_path / "wide.tif", replace(Limits(), pixels=1000))


def test_large_files_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (300, 300)).save(tmp_path / "a.bmp")
    with pytest.raises(PictureError, match=r"a\.bmp is larger than 0 MB\. Choose a smaller file"):
        check_upload(tmp_path / "a.bmp", replace(Limits(), upload_bytes=1000))


def test_what_cannot_be_read_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorization.web.requests.upload_checks.can_read_heic", lambda: True)
    assert {".heic", ".jpg", ".tif"} <= set(accepted_suffixes())
    monkeypatch.setattr("colorization.web.requests.upload_checks.can_read_heic", lambda: False)
    assert ".heic" not in accepted_suffixes() and ".jpg" in accepted_suffixes()


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("mum 1932.jpg", "mum 1932.jpg"),
        ("../../etc/b.png", "b.png"),
        ("C:\\photos\\b.png", "b.png"),
        ("a\0b:c?\n.jpg", "abc.jpg"),
        ("", "photo"),
        ("..", "photo"),
        ("ü" * 300 + ".jpeg", "ü" * 60 + ".jpeg"),
        ("x.jpg/", "photo"),
    ],
)
def test_names_are_made_safe(sent: str, name: str) -> None:
    assert safe_name(sent) == name
