import re

import numpy as np
import pytest
from PIL import Image

from colorization import __version__
from colorization.photo_files.provenance import PROGRAM, Sources, credited, sources
from retrieval.photos.embedded.tiff_tags import DESCRIPTION, SOFTWARE
from retrieval.photos.metadata import load_exif
from retrieval.photos.reader import Picture

MAKER = 0x010F


def said(picture: Picture, tag: int) -> str:
    value = load_exif(picture.metadata["exif"])[tag]
    return value.decode() if isinstance(value, bytes) else value


def bare(**metadata: object) -> Picture:
    return Picture(np.zeros((2, 2, 3), np.uint8), metadata=metadata)


def test_a_picture_that_said_nothing() -> None:
    found = credited(
        bare(dpi=(300, 300)),
        Sources([("Oma 1998.jpg", 0.5), ("idle.png", 0.001), ("b.png", 0.2)]),
    )
    assert __version__ in PROGRAM and said(found, SOFTWARE) == PROGRAM
    assert (
        said(found, DESCRIPTION)
        == f"Colorized by {PROGRAM}; the colors are not original. Colors from Oma 1998.jpg, b.png."
    )
    assert found.metadata["dpi"] == (300, 300)


@pytest.mark.parametrize(
    ("references", "palette", "num_points", "told"),
    [
        ([], "b.png", 0, "Colors from the palette of b.png."),
        ([], "", 2, "Colors guessed without a reference, 2 set by hand."),
        (["a.jpg"], "b.png", 1, "Colors from a.jpg, the palette of b.png, 1 set by hand."),
    ],
)
def test_palettes_and_points_are_told(
    references: list[str], palette: str, num_points: int, told: str
) -> None:
    found = Sources([(name, 1.0) for name in references], palette, num_points)
    assert said(credited(bare(), found), DESCRIPTION).endswith(f"not original. {told}")


def test_without_references() -> None:
    assert said(credited(bare(), Sources()), DESCRIPTION).endswith(
        "Colors guessed without a reference."
    )


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([], "without a reference"),
        ([("a.jpg", 0.998)], "from a.jpg 100%"),
        (
            [("a.jpg", 0.3), ("a.jpg", 0.2)],
            "from a.jpg 30%, a.jpg 20%, the other 50% without a reference",
        ),
        (
            [("a.jpg", 0.3), ("b.jpg", 0.004)],
            "from a.jpg 30%, the other 70% without a reference",
        ),
        ([("a.jpg", 0.0)], "without a reference: a.jpg gave no colors"),
        (
            [("a.jpg", 0.004), ("b.jpg", 0.0)],
            "without a reference: a.jpg, b.jpg gave no colors",
        ),
    ],
)
def test_sources_for_a_person(shares: list[tuple[str, float]], told: str) -> None:
    assert sources(shares) == told


@pytest.mark.parametrize(
    ("shares", "percents"),
    [
        ((0.336, 0.336), (34, 33, 33)),  # the rest is 0.328; each rounded by itself gives 101
        ((1 / 3, 1 / 3, 1 / 3), (34, 33, 33)),
        ((0.005,), (1, 99)),
        ((0.006, 0.49), (1, 49, 50)),  # 0.6, 49 and 50.4
        ((0.497, 0.497, 0.006), (50, 50)),  # 49.7, 49.7 and 0.6
        ((0.45, 0.551), (45, 55)),  # more than there is, as rounded shares may be
    ],
)
def test_percents_add_up(shares: tuple[float, ...], percents: tuple[int, ...]) -> None:
    told = sources([("a.jpg", share) for share in shares])
    found = tuple(int(number) for number in re.findall(r"(\d+)%", told))
    assert (found, sum(found)) == (percents, 100)


def test_what_was_there_stays() -> None:
    exif = Image.Exif()
    exif[DESCRIPTION], exif[SOFTWARE], exif[MAKER] = (
        "Gro\u00dfmutter ".encode(),
        "VueScan\0",
        "Epson",
    )
    source = bare(exif=exif.tobytes(), xmp=b"<x/>", icc_profile=b"p")
    found = credited(source, Sources([("a.jpg", 1.0)]))
    assert said(found, DESCRIPTION).startswith("Gro\u00dfmutter; Colorized by Rechroma")
    assert said(found, SOFTWARE) == f"VueScan; {PROGRAM}"
    assert said(found, MAKER) == "Epson"
    assert (found.metadata["xmp"], found.metadata["icc_profile"]) == (b"<x/>", b"p")
    assert source.metadata["exif"] == exif.tobytes()


def test_saying_it_again_changes_nothing() -> None:
    once = credited(bare(), Sources([("a.jpg", 1.0)]))
    assert credited(once, Sources([("a.jpg", 1.0)])).metadata == once.metadata
    assert said(credited(once, Sources([("b.jpg", 1.0)])), DESCRIPTION).count("Colorized by") == 2


def test_file_names_of_any_script() -> None:
    assert "\u0431\u0430\u0431\u0443\u0448\u043a\u0430.jpg" in said(
        credited(
            bare(),
            Sources(
                [("\u0431\u0430\u0431\u0443\u0448\u043a\u0430.jpg", 0.5), ("bad\udcff.jpg", 0.5)]
            ),
        ),
        DESCRIPTION,
    )


def test_guides_for_a_person() -> None:
    assert Sources([("a.jpg", 1.0)]).guides() == []
    assert Sources(num_points=1).guides() == ["1 color point"]
    assert Sources((), "tones.png", 2).guides() == ["2 color points", "palette of tones.png"]
