import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import retrieval
from retrieval.building.changes import BuildReport
from retrieval.building.up_to_date import report_up_to_date
from retrieval.photos.listing import list_sources
from retrieval.storage.index_folder import sole_writer
from retrieval.storage.manifest import FAISS, FEATURES, MANIFEST, read_manifest

Build = Callable[..., BuildReport]
Change = Callable[[Path, Path], None]  # given the photos and their index


def reported(
    photos: Path | list[Path], index_dir: Path, memory_budget: int | None = None
) -> BuildReport | None:
    folders = photos if isinstance(photos, list) else [photos]
    return report_up_to_date(folders, list_sources(folders), index_dir, memory_budget)


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def shard(index_dir: Path) -> Path:
    return index_dir / FEATURES / read_manifest(index_dir).shards[-1].file


def rewrite(index_dir: Path, **fields: object) -> None:
    replace(read_manifest(index_dir), **fields).write(index_dir)  # type: ignore[arg-type]


# Nothing to do


def test_the_report_is_the_builds(
    photo_dir: Path, library_dir: Path, tmp_path: Path, build: Build
) -> None:
    build([photo_dir, library_dir], tmp_path / "index")
    before = state(tmp_path / "index")
    for photos in (
        [photo_dir, library_dir],
        [photo_dir],
        [library_dir / "sub", photo_dir / "coffee.png"],
    ):
        quick = reported(photos, tmp_path / "index")
        assert state(tmp_path / "index") == before
        assert quick == build(photos, tmp_path / "index") == BuildReport(12, 0, 0, 0, 12)
    assert state(tmp_path / "index") == before


def test_the_budget_the_index_has_may_be_given(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    build(photo_dir, tmp_path / "index", memory_budget=10**7)
    assert (
        reported(photo_dir, tmp_path / "index")
        == reported(photo_dir, tmp_path / "index", 10**7)
        == BuildReport(4, 0, 0, 0, 4)
    )


def test_what_nobody_names_is_removed_and_projections_are_restored(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    name = f"{'b' * 16}.h5"  # it was replaced, and the writer died before it removed it
    replace(read_manifest(index_dir), replaced=[name]).write(index_dir)
    before = {name: data for name, (data, _) in state(index_dir).items()}
    (index_dir / "pca-0000000000000000.safetensors").touch()
    (index_dir / FEATURES / f"{'a' * 16}.{'a' * 16}.tmp").touch()
    (index_dir / FEATURES / name).write_bytes(shard(index_dir).read_bytes())
    flip(index_dir / read_manifest(index_dir).pca_file)
    assert reported(photo_dir, index_dir) == BuildReport(4, 0, 0, 0, 4)
    assert {name: data for name, (data, _) in state(index_dir).items()} == before


# Something to do


def test_no_index(photo_dir: Path, tmp_path: Path) -> None:
    assert reported(photo_dir, tmp_path / "index") is None
    (tmp_path / MANIFEST).touch()  # of another program, say
    before = state(tmp_path)
    assert reported(photo_dir, tmp_path) is None
    assert state(tmp_path) == before


def new(photos: Path, index_dir: Path) -> None:
    Image.new("RGB", (40, 30), "red").save(photos / "new.png")


def exchanged(photos: Path, index_dir: Path) -> None:
    (photos / "coffee.png").rename(photos / "other.png")


def broken(photos: Path, index_dir: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"broken")


def interrupted(photos: Path, index_dir: Path) -> None:
    (index_dir / FEATURES / f"{'c' * 16}.h5").write_bytes(shard(index_dir).read_bytes())


CHANGES: dict[str, Change] = {
    "a new photo": new,
    "a renamed photo": exchanged,
    "a changed photo": lambda photos, index_dir: os.utime(photos / "coffee.png", ns=(1, 1)),
    "a removed photo": lambda photos, index_dir: (photos / "coffee.png").unlink(),
    "an unusable file": broken,
    "an unusable file is gone": lambda photos, index_dir: rewrite(index_dir, unusable=1),
    "a damaged shard": lambda photos, index_dir: flip(shard(index_dir)),
    "a truncated shard": lambda photos, index_dir: os.truncate(shard(index_dir), 900),
    "a missing shard": lambda photos, index_dir: shard(index_dir).unlink(),
    "an unfinished shard": interrupted,
    "a damaged index.faiss": lambda photos, index_dir: flip(index_dir / FAISS),
    "a missing index.faiss": lambda photos, index_dir: (index_dir / FAISS).unlink(),
    "another count": lambda photos, index_dir: rewrite(index_dir, count=5),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_anything_else_is_left_to_the_build(
    photo_dir: Path, tmp_path: Path, build: Build, change: Change
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    assert reported(photo_dir, index_dir) is not None
    change(photo_dir, index_dir)
    before = state(index_dir)
    assert reported(photo_dir, index_dir) is None
    assert state(index_dir) == before
    report = build(photo_dir, index_dir)
    if not report.unreadable:
        assert reported(photo_dir, index_dir) == BuildReport(report.count, 0, 0, 0, report.count)


def test_what_cannot_be_looked_at_is_left_to_the_build(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(photo_dir, tmp_path / "index")
    (photo_dir / "coffee.png").unlink()
    (photo_dir / "coffee.png").symlink_to("coffee.png")
    assert reported(photo_dir, tmp_path / "index") is None
    assert build(photo_dir, tmp_path / "index").unreadable == [
        f"{photo_dir / 'coffee.png'}: Too many levels of symbolic links"
    ]


def test_another_memory_budget_is_left_to_the_build(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    build(photo_dir, tmp_path / "index")
    assert reported(photo_dir, tmp_path / "index", 10**7) is None
    build(photo_dir, tmp_path / "index", memory_budget=10**7)
    assert reported(photo_dir, tmp_path / "index", 10**7) is not None


def test_an_index_of_another_kind_is_left_to_the_build(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(photo_dir, tmp_path / "index")
    monkeypatch.setattr("retrieval.storage.search_settings.MAX_FLAT", 3)
    assert reported(photo_dir, tmp_path / "index") is None


@pytest.mark.parametrize("field", ["backbone", "weights_hash", "pca_hash"])
def test_an_index_of_other_weights_is_left_to_the_build(
    photo_dir: Path, tmp_path: Path, build: Build, field: str
) -> None:
    build(photo_dir, tmp_path / "index")
    rewrite(tmp_path / "index", **{field: "vgg19"})
    assert reported(photo_dir, tmp_path / "index") is None
    if field != "pca_hash":
        with pytest.raises(ValueError, match="built with backbone"):
            build(photo_dir, tmp_path / "index")


# Refusals, which are the build's


def test_refusals_are_the_builds(photo_dir: Path, tmp_path: Path, build: Build) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)

    def refusals() -> list[str]:
        lines = []
        for ask in (reported, build):
            with pytest.raises(ValueError) as caught:
                ask(photo_dir, index_dir)
            lines.append(str(caught.value))
        return lines

    with sole_writer(index_dir):
        quick, ordinary = refusals()
    assert quick == ordinary
    assert "another build-index is writing here" in quick
    (index_dir / MANIFEST).write_text("{")
    quick, ordinary = refusals()
    assert quick == ordinary
    assert "damaged" in quick


def test_nothing_heavy_is_imported() -> None:
    heavy = "torch", "faiss", "scipy", "skimage", "PIL", "tifffile", "rich"
    code = "import sys, retrieval.building.up_to_date;"
    code += f"print([m for m in {heavy!r} if m in sys.modules])"
    root = Path(retrieval.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=root, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
