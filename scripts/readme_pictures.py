"""The pictures of the README, made from photographs that come with scikit-image."""

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from skimage import data

from colorization import ColorizationPipeline, ColorizeOptions
from colorization.demo import run_demo
from colorization.inference.pictures.luminance import luminance_of, luminance_rows, with_chroma
from colorization.network.hints import Point, chroma_of
from colorization.photo_files.contact_sheet import Cell, write_sheet
from similarity.color.lab import as_tensor

Places = tuple[tuple[float, float], ...]

# places (x, y in 0..1) whose true color a person who knows the picture would point at
ASTRONAUT: Places = (
    (0.2, 0.55),
    (0.72, 0.62),
    (0.42, 0.25),
    (0.06, 0.1),
    (0.16, 0.25),
    (0.55, 0.08),
)
COFFEE: Places = ((0.22, 0.55), (0.33, 0.45), (0.93, 0.75), (0.5, 0.27))

Out = Annotated[Path, typer.Option(help="Folder of the pictures.", file_okay=False)]
Page = Annotated[bool, typer.Option("--page", help="Also the page, in Chromium.")]


def main(out: Out = Path(".github/pictures"), page: Page = False) -> None:
    """Write results.jpg, how.jpg and page.jpg."""
    out.mkdir(parents=True, exist_ok=True)
    pipeline = ColorizationPipeline.load()
    rows = [_with_reference(pipeline)]
    rows += [_with_points(pipeline, data.astronaut(), ASTRONAUT)]
    rows += [_with_points(pipeline, data.coffee(), COFFEE)]
    rows += [_with_options(pipeline, np.stack([data.camera()] * 3, 2))]
    write_sheet(out / "results.jpg", rows)
    steps = _steps(pipeline)
    write_sheet(out / "how.jpg", [steps[:3], steps[3:]])
    if page:
        screenshot(luminance_of(data.stereo_motorcycle()[0]), out / "page.jpg")
    for path in sorted(out.glob("*.jpg")):
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def true_points(rgb: np.ndarray, places: Places) -> list[Point]:
    """Points with the mean color of a small patch of the true picture.

    Args:
        rgb: the picture, sRGB in 0..255.
        places: x and y of each, 0..1.
    """
    height, width, _ = rgb.shape
    points = []
    for x, y in places:
        row, column = int(y * height), int(x * width)
        patch = rgb[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4]
        points.append(Point(x, y, chroma_of(as_tensor(patch).mean((1, 2))[:, None, None])))
    return points


def screenshot(gray: np.ndarray, out: Path, port: int = 7931) -> None:
    """Open the page on the demo's index, drop a gray picture on it and write what is seen.

    Args:
        gray: the picture.
        out: where what is seen goes.
        port: that the page is served at meanwhile.
    """
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "garage.png"
        Image.fromarray(gray).save(photo)
        run_demo(Path(folder) / "demo", "cpu", lambda _line: None)
        rechroma = str(Path(sys.executable).with_name("rechroma"))
        index = str(Path(folder) / "demo" / "index")
        server = subprocess.Popen([rechroma, "serve", "--index", index, "--port", str(port)])
        try:
            _wait_for(f"http://127.0.0.1:{port}/")
            with sync_playwright() as driver:
                browser = driver.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                tab = browser.new_page(viewport={"width": 1280, "height": 800})
                tab.set_default_timeout(60_000)
                tab.goto(f"http://127.0.0.1:{port}/")
                tab.locator("#choose").set_input_files(str(photo))
                tab.locator("#status p").first.wait_for()
                tab.wait_for_timeout(3000)
                tab.screenshot(path=out)
        finally:
            server.terminate()
            server.wait()


def _with_reference(pipeline: ColorizationPipeline) -> list[Cell]:
    left, right, _ = data.stereo_motorcycle()
    gray = luminance_of(left)
    result = pipeline.colorize(gray, references=[right]).rgb
    captions = "gray", "reference", "result", "truth"
    return _cells((gray, right, result, left), captions)


def _with_points(pipeline: ColorizationPipeline, truth: np.ndarray, places: Places) -> list[Cell]:
    gray, points = luminance_of(truth), true_points(truth, places)
    plain = pipeline.colorize(gray, references=[]).rgb
    pointed = pipeline.colorize(gray, references=[], points=points).rgb
    captions = "gray", "no reference", f"{len(points)} color points", "truth"
    return _cells((gray, plain, pointed, truth), captions)


def _with_options(pipeline: ColorizationPipeline, gray: np.ndarray) -> list[Cell]:
    chosen = ColorizeOptions(), ColorizeOptions(vividness=0.0), ColorizeOptions(saturation=1.4)
    results = [pipeline.colorize(gray, references=[], options=options).rgb for options in chosen]
    captions = "gray, and always was", "no reference", "careful: vividness 0", "saturation 1.4"
    return _cells((gray, *results), captions)


def _steps(pipeline: ColorizationPipeline) -> list[Cell]:
    left, right, _ = data.stereo_motorcycle()
    gray = luminance_of(left)
    given = pipeline.colorize(gray, references=[right])
    warped = with_chroma(luminance_rows(gray, slice(None)), torch.from_numpy(given.warped_ab))
    alone = pipeline.colorize(gray, references=[]).rgb
    captions = (
        "1 luminance",
        "2 reference",
        "3 colors carried over",
        "4 confidence",
        "5 the network alone",
        "6 result",
    )
    return _cells((gray, right, warped, _heat(given.confidence, gray), alone, given.rgb), captions)


def _cells(pictures: tuple[np.ndarray, ...], captions: tuple[str, ...]) -> list[Cell]:
    return [Cell(rgb, text) for rgb, text in zip(pictures, captions, strict=True)]


def _heat(confidence: np.ndarray, gray: np.ndarray) -> np.ndarray:
    """Confidence as brightness, at the size of a picture."""
    picture = Image.fromarray((confidence * 255).astype(np.uint8)).resize(
        gray.shape[1::-1], Image.Resampling.BILINEAR
    )
    return np.asarray(picture.convert("RGB"))


def _wait_for(address: str, seconds: float = 60.0) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:  # nobody listens yet; URLError is one, too
            time.sleep(0.5)
