"""What JPEG files hold beside the photograph."""

from pathlib import Path

from PIL import Image

from retrieval.photos.embedded.jpeg_parts import left_out_of_jpeg


def lines_of(path: Path) -> list[str]:
    with Image.open(path) as image:
        return left_out_of_jpeg(image)


def test_plain_pictures_lose_nothing(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "x.jpg")
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    assert lines_of(tmp_path / "x.jpg") == lines_of(tmp_path / "x.png") == []


def test_further_pictures_are_told(tmp_path: Path) -> None:
    one = Image.new("RGB", (64, 64), (90, 90, 90))
    one.save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[one, one])
    told = "2 further pictures in it, as stereo cameras and HDR have, left out"
    assert lines_of(tmp_path / "x.jpg") == [told]


def test_what_telephones_append(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "x.jpg")
    with (tmp_path / "x.jpg").open("ab") as file:
        file.write(b"film MotionPhoto_Data SEFT")
    assert lines_of(tmp_path / "x.jpg") == ["the moving picture of this motion photo is left out"]


def test_content_credentials_are_told(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "x.jpg")
    data = (tmp_path / "x.jpg").read_bytes()
    body = b"JP\0\0\0\0\0\1\0\0\0\x20jumb" + bytes(24)
    segment = b"\xff\xeb" + (len(body) + 2).to_bytes(2, "big") + body
    (tmp_path / "x.jpg").write_bytes(data[:2] + segment + data[2:])
    (line,) = lines_of(tmp_path / "x.jpg")
    assert line.startswith("its content credentials")
