"""The main job on pictures that come with scikit-image: no download, nothing of ours staged."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from skimage import data, io

from colorization.evaluation.measures.signal import psnr
from colorization.inference.pictures.luminance import luminance_of
from colorization.options import ColorizeOptions
from colorization.photo_files.contact_sheet import Cell, write_sheet
from colorization.pipeline import ColorizationPipeline
from retrieval.building.builder import BuildOptions, build_index
from retrieval.photos.reader import read_picture
from retrieval.search.recommendation import Recommendation
from retrieval.typed_command import typed
from similarity.backbone.backbone import load_backbone

MARK = ".rechroma-demo"  # in the folder, so that the next demo may replace what is there
LIBRARY = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "hubble_deep_field",
    "retina",
    "immunohistochemistry",
    "colorwheel",
)
SCANS = {"portrait": "astronaut", "photographer": "camera", "cat": "chelsea"}
NUM_FRAMES, FRAME_STEP = 12, 4  # of a film that pans over a picture, in frames and pixels
FRAME_SIDE = 256


def run_demo(output: Path, device: str, say: Callable[[str], None]) -> float:
    """Colorize the left motorcycle of the stereo pair from the reference that the index recommends.

    Args:
        output: folder for the photos, the gray scans, the frames of a film, the index, the result
            and the sheet.
        device: of the network.
        say: receives each line.

    Returns:
        PSNR of the result against the truth in dB.

    Raises:
        ValueError: the folder holds something else than an earlier demo, or the index did not
            recommend the right image.
    """
    left, right, _ = data.stereo_motorcycle()
    gray = luminance_of(left)
    target_path = _write_pictures(output, gray, right)
    backbone = load_backbone(device=device)
    report = build_index([output / "photos"], output / "index", backbone, BuildOptions(workers=0))
    say(f"indexed {report.count} photos that come with scikit-image")
    pipeline = ColorizationPipeline.load(output / "index", device)
    target = read_picture(target_path).rgb
    pipeline.colorize(target)  # the first call warms the network up
    start = time.perf_counter()
    result = pipeline.colorize(target, options=ColorizeOptions())
    seconds = time.perf_counter() - start
    say(f"recommended for the gray motorcycle: {_recommended(result.references)}")
    _write(output / "result.png", result.rgb)
    quality = psnr(left, result.rgb)
    say(
        f"colorized in {seconds:.2f} s; PSNR {quality:.2f} dB against the truth"
        f" (gray: {psnr(left, gray):.2f} dB)"
    )
    cells = [
        (gray, "target"),
        (right, "recommended reference"),
        (result.rgb, f"result, {quality:.1f} dB"),
        (left, "truth"),
    ]
    sheet = output / "sheet.png"
    write_sheet(sheet, [[Cell(np.asarray(rgb), caption) for rgb, caption in cells]])
    say(f"look at {sheet}")
    say("next, as it stands or on photos of your own:")
    for command in next_commands(output):
        say(f"  {command}")
    return quality


def next_commands(output: Path) -> list[str]:
    """Three commands to go on with, on what the demo leaves in its folder.

    Args:
        output: the demo's folder.
    """
    scans, index = output / "scans", output / "index"
    portrait = scans / "portrait.png"
    return [
        typed("rechroma", "colorize", portrait, "--output", "portrait-color.png"),
        typed("rechroma", "colorize", scans, "--output", "colored", "--index", index),
        typed("rechroma", "serve", "--index", index),
    ]


def _write(path: Path, picture: np.ndarray) -> None:
    io.imsave(path, picture, check_contrast=False)


def _write_pictures(output: Path, gray: np.ndarray, right: np.ndarray) -> Path:
    """Fill the folder with a library, scans and a film; where the scan of the target is."""
    mark = output / MARK
    if not mark.exists() and output.is_dir() and any(output.iterdir()):
        raise ValueError(f"{output}: is not empty and no earlier demo; choose another --output")
    photos, scans, frames = (output / name for name in ("photos", "scans", "frames"))
    for folder in (photos, scans, frames):
        folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
    _write_photos(photos, right)
    target_path = scans / "motorcycle.png"
    _write(target_path, gray)
    _write_scans(scans, frames)
    return target_path


def _recommended(references: Sequence[Recommendation]) -> str:
    """Which reference comes first, with its score; another one than the pair's is an error."""
    best, other = references[0], references[1:]
    if best.path.name != "motorcycle_right.png":
        raise ValueError(
            f"the index recommends {best.path.name} for the motorcycle, not the other picture"
            " of the pair"
        )
    scores = f"score {best.score:.2f}" + (f", next {other[0].score:.2f}" if other else "")
    return f"{best.path.name} ({scores})"


def _write_photos(photos: Path, right: np.ndarray) -> None:
    """A small library in color."""
    for name in LIBRARY:
        _write(photos / f"{name}.png", getattr(data, name)()[..., :3])
    _write(photos / "motorcycle_right.png", right)


def _write_scans(scans: Path, frames: Path) -> None:
    """Gray photos, and a film as a folder of frames."""
    for name, original in SCANS.items():
        _write(scans / f"{name}.png", _gray(getattr(data, original)()))
    portrait = _gray(data.astronaut())
    for number in range(NUM_FRAMES):
        left = number * FRAME_STEP
        _write(frames / f"{number:03}.png", portrait[:FRAME_SIDE, left : left + FRAME_SIDE])


def _gray(picture: np.ndarray) -> np.ndarray:
    """One channel, as scanners write it."""
    return luminance_of(picture)[..., 0] if picture.ndim == 3 else picture
