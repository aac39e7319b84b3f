"""What a program that imports the package relies on: its settings stay, slips are told in words."""

import subprocess
import sys
import threading
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.pillow_limits import own_limits
from retrieval.photos.reader import read_small_rgb

Pictures = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def whole(index_dir: Path) -> ColorizationPipeline:
    """With index and network."""
    return ColorizationPipeline.load(index_dir)


# --- settings of the program around it


def test_warnings_come_back_whichever_thread_leaves_last(cat_path: Path) -> None:
    before, entered, leave = list(warnings.filters), threading.Event(), threading.Event()

    def linger() -> None:
        with own_limits():
            entered.set()
            leave.wait(10)

    with own_limits():  # the first to enter leaves before the second
        other = threading.Thread(target=linger)
        other.start()
        entered.wait(10)
    read_small_rgb(cat_path, 64)
    leave.set()
    other.join()
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", UserWarning, stacklevel=1)


@pytest.fixture
def cat_path(pictures: Pictures, tmp_path: Path) -> Path:
    Image.fromarray(pictures["chelsea"]).save(tmp_path / "cat.png")
    return tmp_path / "cat.png"


def test_the_limit_of_pillow_comes_back(cat_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert read_small_rgb(cat_path, 64).shape[2] == 3
    with pytest.raises(Image.DecompressionBombError):
        Image.open(cat_path)


def test_threads_and_random_numbers_stay_as_they_were(index_dir: Path) -> None:
    """In a process of its own, where torch is imported before faiss, which shares its threads."""
    code = f"""
import torch
torch.set_num_threads(2)
torch.manual_seed(0)
expected = torch.rand(1)
torch.manual_seed(0)
import numpy as np
from colorization import ColorizationPipeline
pipeline = ColorizationPipeline.load({str(index_dir)!r})
assert torch.equal(torch.rand(1), expected)
assert pipeline.recommend(np.random.default_rng(0).integers(0, 256, (40, 50)).astype(np.uint8))
assert torch.get_num_threads() == 2, torch.get_num_threads()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("settings", "around", "tolerance"),
    [
        ("", "torch.autocast('cpu', torch.bfloat16)", 0),
        ("torch.set_default_dtype(torch.float64)", "nullcontext()", 1),
        ("torch.set_default_dtype(torch.bfloat16)", "nullcontext()", 3),
        ("", "torch.device('meta')", 0),  # which no tensor that is computed with may come to lie on
    ],
)
def test_settings_of_torch_in_the_program_around(
    index_dir: Path,
    tmp_path: Path,
    pictures: Pictures,
    fast: ColorizeOptions,
    settings: str,
    around: str,
    tolerance: int,
) -> None:
    """In processes of their own.

    What is computed once for all must not remember the settings either.
    """
    np.savez(
        tmp_path / "in.npz",
        gray=pictures["coffee"][..., 1],
        reference=pictures["astronaut"],
        palette=pictures["rocket"],
    )
    for name, setting, context in (("plain", "", "nullcontext()"), ("other", settings, around)):
        code = f"""
import torch
{setting}
import numpy as np
from contextlib import nullcontext
from dataclasses import replace
from colorization import ColorizationPipeline, ColorizeOptions, Point
stored = np.load({str(tmp_path / "in.npz")!r})
gray, reference, palette = (stored[name] for name in ("gray", "reference", "palette"))
options = ColorizeOptions(**{asdict(fast)!r})
with {context}:
    pipeline = ColorizationPipeline.load({str(index_dir)!r})
    point = Point.of_color(0.5, 0.5, (200, 40, 60))
    np.savez(
        {str(tmp_path / name)!r},
        network=pipeline.colorize(gray, [reference], options).rgb,
        carried=pipeline.colorize(gray, [reference], replace(options, method="training-free")).rgb,
        guided=pipeline.colorize(gray, [], options, [point], palette).rgb,
        suggested=[one.rgb for one in pipeline.suggest_colors(gray, 0.5, 0.5, options=options)],
        scores=[one.score for one in pipeline.recommend(gray)],
    )
"""
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
    plain, other = np.load(tmp_path / "plain.npz"), np.load(tmp_path / "other.npz")
    for name in plain:
        assert np.abs(plain[name].astype(float) - other[name]).max() <= tolerance, name


# --- slips


SLIPS = {
    "pipeline.colorize(gray, rgb)": "expected a list",
    "pipeline.colorize(gray, [], points=[(0.5, 0.5, (255, 0, 0))])": "expected Point(x, y",
    "pipeline.apply(ColorizationPipeline(pipeline.backbone).prepare(gray, [rgb]))": (
        "without the colorization network"
    ),
    "pipeline.apply('photo.png')": "apply takes what prepare gave, not str; colorize takes paths",
    "pipeline.apply(gray)": "apply takes what prepare gave, not ndarray; colorize takes paths",
    "ColorizeOptions(saturation='x')": "saturation must be a number, not 'x'",
    "ColorizeOptions(vividness=None)": "vividness must be a number, not None",
    "ColorizeOptions(faithfulness=[1.0])": "faithfulness must be a number, not [1.0]",
    "ColorizeOptions(saturation=1j)": "saturation must be a number, not 1j",
    "ColorizeOptions(top_k='3')": "top_k must be a whole number, not '3'",
    "ColorizeOptions(top_k=2.5)": "top_k must be a whole number, not 2.5",
    "ColorizeOptions(working_side='x')": "working_side must be a whole number, not 'x'",
    "ColorizeOptions(top_k=True)": "top_k must be a whole number, not True",
    "ColorizeOptions(vividness=False)": "vividness must be a number, not False",
    "ColorizeOptions(keep_tint='no')": "keep_tint must be True or False, not 'no'",
    "pipeline.colorize(gray, [], {'top_k': 3})": "expected ColorizeOptions(...), not dict",
    "pipeline.describe(rgb, {'top_k': 3})": "expected ColorizeOptions(...), not dict",
    "pipeline.suggest_colors(gray, 0.5, 0.5, options=3)": "expected ColorizeOptions(...), not int",
    "pipeline.colorize(gray, [ColorizationPipeline.load(backbone='vgg19-slim').describe(rgb)])": (
        "reference 1 was described by a pipeline of another backbone"
    ),
    "Point('0.5', 0.5, (1.0, 1.0))": "four numbers x, y, a and b",
    "Point(0.5, 0.5, (float('nan'), 0.0))": "two finite numbers",
    "Point(0.5, 0.5, (0.0, float('inf')))": "two finite numbers",
    "Point(0.5, 0.5, (1.0,))": "two finite numbers",
    "Point.of_color(0.5, 0.5, (300, 0, 0))": "three whole numbers",
    "Point.of_color(0.5, 0.5, (-5, 0, 0))": "three whole numbers",
    "Point.of_color(0.5, 0.5, (0.8, 0.1, 0.1))": "three whole numbers",
    "Point.of_color(0.5, 0.5, (float('nan'), 0, 0))": "three whole numbers",
    "Point.of_color(0.5, 0.5, (1, 2))": "three whole numbers",
    "ColorizationPipeline.load(backbone='vgg19', weights_path='nowhere.pth')": "nowhere.pth",
}


def test_slips_are_told() -> None:
    """In a process of its own, as the tests' type checks would be there first."""
    code = f"""
import json
from dataclasses import asdict

import numpy as np
from colorization import ColorizationPipeline, ColorizeOptions, Point
pipeline, rng = ColorizationPipeline.load(), np.random.default_rng(0)
rgb = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
gray = rgb[..., 0]
# numbers of numpy become plain ones, which JSON can hold
options = ColorizeOptions(top_k=np.int64(2), vividness=np.float32(0.5))
assert json.loads(json.dumps(asdict(options)))["top_k"] == 2
# what can be walked once will do
assert pipeline.colorize(gray, (one for one in [rgb])).rgb.shape == rgb.shape
assert pipeline.colorize(gray, [], None).rgb.shape == rgb.shape  # None takes the defaults
for slip, words in {SLIPS!r}.items():
    try:
        eval(slip)
    except (ValueError, FileNotFoundError) as error:
        assert words in str(error), (slip, error)
    else:
        raise AssertionError(slip)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_the_other_byte_order(
    whole: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    deep = gray_pictures["coffee"].astype(np.uint16) * np.uint16(257)
    found = [whole.colorize(deep.astype(order), [], fast).rgb for order in ("<u2", ">u2")]
    np.testing.assert_array_equal(*found)
    assert found[0].dtype == np.uint16
