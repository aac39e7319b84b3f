import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from skimage.color import rgb2lab

from colorization import demo
from colorization.demo import run_demo
from colorization.inference.pictures.luminance import luminance_of
from retrieval.photos.reader import read_picture
from retrieval.search.recommendation import Recommendation

MIN_PSNR = 24.0


def test_the_gray_photograph_has_the_luminance_of_the_color_one(
    pictures: dict[str, np.ndarray],
) -> None:
    rgb = pictures["coffee"]
    gray = luminance_of(rgb)
    assert gray.dtype == np.uint8 and gray.shape == rgb.shape
    assert (gray == gray[..., :1]).all()
    # half a value of gray is about 0.2
    assert np.abs(rgb2lab(gray)[..., 0] - rgb2lab(rgb)[..., 0]).max() < 0.3


def test_the_demo_shows_the_main_job(tmp_path: Path, cli: Callable[..., Result]) -> None:
    output = tmp_path / "new" / "demo"
    result = cli("demo", "--output", output)
    assert (result.exit_code, result.stderr) == (0, "")
    found = re.search(r"PSNR ([\d.]+) dB against the truth \(gray: ([\d.]+) dB\)", result.stdout)
    assert found and float(found[1]) >= MIN_PSNR > float(found[2])
    assert "motorcycle_right.png" in result.stdout
    assert str(output / "sheet.png") in result.stdout
    assert {p.name for p in output.iterdir()} == {
        "photos",
        "scans",
        "frames",
        "index",
        "result.png",
        "sheet.png",
        demo.MARK,
    }
    names = ("scans/motorcycle", "result")
    target, colored = (read_picture(output / f"{name}.png").rgb for name in names)
    assert target.shape == colored.shape and np.ptp(colored.astype(int), axis=2).mean() > 5
    assert Image.open(output / "sheet.png").size[0] > 1000


def test_the_demo_ends_by_naming_three_commands_that_run(
    tmp_path: Path, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = cli("demo").stdout.splitlines()
    assert lines[-4] == "next, as it stands or on photos of your own:"
    assert [line.strip() for line in lines[-3:]] == demo.next_commands(Path("rechroma-demo"))
    for line in lines[-3:-1]:
        assert cli(*shlex.split(line)[1:]).exit_code == 0
    assert Image.open("portrait-color.png").size == (512, 512)
    assert len(list(Path("colored").glob("*.png"))) == len(demo.SCANS) + 1
    served: list[object] = []
    monkeypatch.setattr("colorization.web.server.serve", lambda *given: served.extend(given))
    assert cli(*shlex.split(lines[-1])[1:]).exit_code == 0
    assert served[0] == Path("rechroma-demo/index")
    assert demo.next_commands(Path("a b"))[2] == "rechroma serve --index 'a b/index'"


def test_a_folder_that_holds_something_else_is_left_alone(
    tmp_path: Path, cli: Callable[..., Result]
) -> None:
    (tmp_path / "result.png").write_text("mine")
    result = cli("demo", "--output", tmp_path)
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {tmp_path}: is not empty and no earlier demo; choose another --output\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["result.png"]


def test_a_demo_may_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "build_index", lambda *args, **kwargs: pytest.fail("far enough"))
    for _ in range(2):
        with pytest.raises(pytest.fail.Exception, match="far enough"):
            run_demo(tmp_path / "demo", "cpu", print)


def test_another_recommendation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(
        colorize=lambda target, options=None: SimpleNamespace(
            references=[Recommendation(Path("chelsea.png"), 1.0, "good", 1.0, 1.0, 0.0)]
        )
    )
    monkeypatch.setattr(demo, "build_index", lambda *args, **kwargs: SimpleNamespace(count=9))
    monkeypatch.setattr(
        demo, "ColorizationPipeline", SimpleNamespace(load=lambda *args, **kwargs: fake)
    )
    lines: list[str] = []
    with pytest.raises(ValueError, match=r"recommends chelsea\.png for the motorcycle"):
        run_demo(tmp_path, "cpu", lines.append)
    assert lines == ["indexed 9 photos that come with scikit-image"]
