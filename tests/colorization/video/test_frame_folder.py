"""x"""

from pathlib import Path

from colorization.video.frame_folder import frame_paths


def test_digits_that_are_no_numbers_in_names(frame_dir: Path) -> None:
    (frame_dir / "frame_2.png").rename(frame_dir / "frame_1\u00b2.png")
    names = [path.name for path in frame_paths(frame_dir)]
    assert sorted(names) == sorted(path.name for path in frame_dir.glob("*.png"))
    assert names.index("frame_3.png") < names.index("frame_10.png")
