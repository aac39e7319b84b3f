"""The main job on pictures that come with scikit-image: no download, nothing of ours staged."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from skimage import data, io

from colorization.evaluation.measures.signal import psnr
from colorization.inference.luminance import luminance_of
from colorization.options import ColorizeOptions
from colorization.photo_files.contact_sheet import Cell, write_sheet
from colorization.pipeline import ColorizationPipeline
from retrieval.building.builder import BuildOptions, build_index
from retrieval.photos.reader import read_picture
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


def run_demo(output: Path, device: str, say: Callable[[str], None]) -> float:
    """Colorize the left motorcycle of the stereo pair from the reference that the index recommends.

    Args:
        output: folder for the photos, the index, the result and the sheet.
        device: of the network.
        say: receives each line.

    Returns:
        PSNR of the result against the truth in dB.

    Raises:
        ValueError: the folder holds something else than an earlier demo, or the index did not
            recommend the right image.
    """
    mark = output / MARK
    if not mark.exists() and output.is_dir() and any(output.iterdir()):
        raise ValueError(f"{output}: is not empty and no earlier demo; choose another --output")
    photos = output / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    mark.touch()
    left, right, _ = data.stereo_motorcycle()
    for name in LIBRARY:
        io.imsave(photos / f"{name}.png", getattr(data, name)()[..., :3], check_contrast=False)
    io.imsave(photos / "motorcycle_right.png", right, check_contrast=False)
    target_path, result_path, sheet_path = (
        output / f"{name}.png" for name in ("target", "result", "sheet")
    )
    gray = luminance_of(left)
    io.imsave(target_path, gray, check_contrast=False)

    backbone = load_backbone(device=device)
    report = build_index([photos], output / "index", backbone, BuildOptions(workers=0))
    say(f"indexed {report.count} photos that come with scikit-image")
    pipeline = ColorizationPipeline.load(output / "index", device)
    target = read_picture(target_path).rgb
    pipeline.colorize(target)  # the first call warms the network up
    start = time.perf_counter()
    result = pipeline.colorize(target, options=ColorizeOptions())
    seconds = time.perf_counter() - start
    best = result.references[0]
    if best.path.name != "motorcycle_right.png":
        raise ValueError(
            f"the index recommends {best.path.name} for the motorcycle, not the other picture of the pair"
        )
    say(
        f"recommended for the gray motorcycle: {best.path.name} (score {best.score:.2f}, next {result.references[1].score:.2f})"
    )
    io.imsave(result_path, result.rgb, check_contrast=False)
    quality = psnr(left, result.rgb)
    say(
        f"colorized in {seconds:.2f} s; PSNR {quality:.2f} dB against the truth (gray: {psnr(left, gray):.2f} dB)"
    )
    cells = [
        (gray, "target"),
        (right, "recommended reference"),
        (result.rgb, f"result, {quality:.1f} dB"),
        (left, "truth"),
    ]
    write_sheet(sheet_path, [[Cell(np.asarray(rgb), caption) for rgb, caption in cells]])
    say(f"look at {sheet_path}")
    return quality
