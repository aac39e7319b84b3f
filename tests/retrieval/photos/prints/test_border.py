import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from retrieval.photos.prints.border import PrintBorder, border_of
from similarity.color.lab import luminance_of_bytes

WIDE = 0.08  # of the shorter side
GRAYS = {
    name: np.asarray(Image.fromarray(getattr(data, name)()).convert("L"))
    for name in ("astronaut", "chelsea", "coffee", "rocket")
}


def printed(
    gray: np.ndarray, paper: int = 235, wide: float = WIDE, angle: float = 0.0
) -> np.ndarray:
    """A scan of a print with a border, grain and yellowed paper on one side."""
    margin = round(wide * min(gray.shape))
    whole = np.pad(gray, margin, constant_values=paper)
    turned = Image.fromarray(whole).rotate(angle, Image.Resampling.BICUBIC, fillcolor=paper)
    pixels = np.asarray(turned) + np.random.default_rng(0).normal(0, 3, whole.shape)
    pixels -= np.linspace(0, 8, whole.shape[1])
    return np.repeat(np.clip(pixels, 0, 255).astype(np.uint8)[..., None], 3, 2)


def found(rgb: np.ndarray) -> PrintBorder | None:
    small = Image.fromarray(rgb).resize((256, 192), Image.Resampling.BOX)
    return border_of(luminance_of_bytes(np.asarray(small)), rgb.shape[0] / rgb.shape[1])


WITH_BORDERS = [(name, 235) for name in GRAYS] + [(name, 8) for name in GRAYS if name != "rocket"]


@pytest.mark.parametrize(("name", "paper"), WITH_BORDERS)
def test_white_and_black_borders(name: str, paper: int) -> None:
    border = found(printed(GRAYS[name], paper))
    assert border is not None
    for edge, length in zip(border.edges, np.repeat(GRAYS[name].shape, 2), strict=True):
        wide = WIDE * min(GRAYS[name].shape)
        assert edge.depth == pytest.approx(wide / (length + 2 * wide), abs=0.015)


@pytest.mark.parametrize("angle", [-3.0, 1.0, 2.0])
def test_prints_that_lie_askew(angle: float) -> None:
    gray = GRAYS["coffee"]
    border = found(printed(gray, angle=angle))
    margin = round(WIDE * min(gray.shape))
    mask = Image.fromarray(np.pad(np.full(gray.shape, 255, np.uint8), margin))
    wanted = np.asarray(mask.rotate(angle)) > 0
    assert border is not None
    inside = border.inside(wanted.shape).numpy()
    assert (inside != wanted).mean() < 0.02
    upright = np.asarray(mask) > 0
    assert (inside != wanted).mean() < 0.7 * (inside != upright).mean()


@pytest.mark.parametrize("name", GRAYS)
def test_photos_have_none(name: str) -> None:
    assert found(np.repeat(GRAYS[name][..., None], 3, 2)) is None


def test_a_thing_on_white_ground_has_none() -> None:
    y, x = np.mgrid[-1:1:300j, -1:1:300j]
    ball = np.where(x**2 + y**2 < 0.5, 90, 240).astype(np.uint8)
    assert found(np.repeat(ball[..., None], 3, 2)) is None


def test_plain_pictures_have_none() -> None:
    assert border_of(np.full((64, 64), 90.0, np.float32)) is None
    halves = np.full((64, 64), 90.0, np.float32)
    halves[32:] = 20
    assert border_of(halves) is None


def framed(**sides: float) -> np.ndarray:
    """L of a dark picture within a border of 12 pixels, white where nothing else is said."""
    luminance = np.full((96, 128), 92.0, np.float32)
    above, below = slice(0, 12), slice(84, 96)
    for rows, level in ((above, sides.get("above")), (below, sides.get("below"))):
        luminance[rows] = luminance[rows] if level is None else level
    luminance[12:84, 12:116] = 50.0
    return luminance


def test_what_a_border_must_be() -> None:
    assert border_of(framed()) is not None
    assert border_of(framed(above=90.0)) is not None
    assert border_of(framed(above=75.0)) is None  # one side is another paper
    assert border_of(np.where(framed() > 60, 65.0, 40.0).astype(np.float32)) is None  # gray
    grained = framed()
    grained[:12] += np.random.default_rng(0).normal(0, 8, (12, 128))
    assert border_of(grained.clip(0, 100)) is None  # no plain paper
    half = framed()
    half[:, :92] = 92.0  # on three sides there is little but paper
    assert border_of(half) is None


def test_edges_of_a_print_turn_together() -> None:
    """Those of a box that is seen from aside do not."""
    y, x = np.mgrid[0:96, 0:128]
    askew, aside = framed(), framed()
    lean = 0.04 * (x - 64)
    stand = 0.04 * (y - 48)
    askew[:] = 92.0
    askew[(y > 14 + lean) & (y < 82 + lean) & (x > 14 - stand) & (x < 114 - stand)] = 50.0
    aside[:] = 92.0
    aside[(y > 14 + lean) & (y < 82 - lean) & (x > 14 - stand) & (x < 114 - stand)] = 50.0
    assert border_of(askew) is not None
    assert border_of(aside) is None


def test_a_sky_as_white_as_paper() -> None:
    gray = GRAYS["coffee"].copy()
    gray[:150] = 235  # a quarter of the picture
    border = found(printed(gray, angle=2.0))
    assert border is not None
    above, below, *_ = border.edges
    # nobody sees where it ends
    assert (above.depth, above.slope) == (below.depth, -below.slope)
    assert abs(above.slope) > 0.02


def test_a_sky_a_little_darker_than_paper() -> None:
    gray = GRAYS["coffee"].copy()
    gray[:100] = 218
    border = found(printed(gray))
    assert border is not None
    assert border.edges[0].depth == pytest.approx(border.edges[1].depth, abs=0.01)


def test_dates_on_the_border_do_not_hide_it() -> None:
    rgb = printed(GRAYS["chelsea"])
    rgb[4:14, 200:270] = 60
    assert found(rgb) is not None


def test_the_picture_is_mirrored_into_its_border() -> None:
    gray = GRAYS["coffee"]
    rgb = printed(gray)
    border = found(rgb)
    assert border is not None
    luminance = torch.from_numpy(rgb[..., 0].copy())
    seen = border.mirrored(luminance)
    height, width = luminance.shape
    inner = slice(height // 4, -(height // 4)), slice(width // 4, -(width // 4))
    assert torch.equal(seen[inner], luminance[inner])
    margin = round(WIDE * min(gray.shape))
    bright = float((luminance[: margin - 4].float() > 215).float().mean())
    assert bright > 0.99
    assert float((seen[: margin - 4].float() > 215).float().mean()) < 0.2


def test_points_on_it_and_beside_it() -> None:
    border = found(printed(GRAYS["coffee"]))
    assert border is not None
    assert border.has_on_it(0.01, 0.5)
    assert border.has_on_it(0.5, 0.99)
    assert not border.has_on_it(0.5, 0.5)


@pytest.mark.parametrize("bed", [255, 0, 125])
@pytest.mark.parametrize("angle", [0.0, 1.0])
def test_what_lies_around_a_border_belongs_to_it(bed: int, angle: float) -> None:
    """A scanner's lid; in gray of it alone a border is not seen."""
    gray = GRAYS["coffee"]
    margin, around = 40, 40
    print_ = np.pad(gray, margin, constant_values=225)
    whole = Image.fromarray(np.pad(print_, around, constant_values=bed))
    turned = np.asarray(whole.rotate(angle, Image.Resampling.BICUBIC, fillcolor=bed))
    border = found(np.repeat(turned[..., None], 3, 2))
    mask = Image.fromarray(np.pad(np.full(gray.shape, 255, np.uint8), margin + around))
    wanted = np.asarray(mask.rotate(angle)) > 0
    assert border is not None
    assert (border.inside(wanted.shape).numpy() != wanted).mean() < 0.02

    bare = np.pad(gray, margin, constant_values=125)
    assert found(np.repeat(bare[..., None], 3, 2)) is None


def test_something_is_left_of_a_tiny_picture() -> None:
    border = border_of(framed())
    assert border is not None
    for size in range(1, 9):
        rgb = np.zeros((size, size, 3), np.uint8)
        assert border.cropped(rgb).size > 0
        assert border.mirrored(torch.zeros(size, size)).shape == (size, size)
