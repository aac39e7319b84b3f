"""The table: every measurement, with the default backbone and with full-width VGG-19."""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarking.installation import install_line, size_lines
from benchmarking.made_index import NUM_PHOTOS, make_index, make_weights
from benchmarking.made_pictures import SIZES, make_pictures, make_scans
from benchmarking.processes import run, worker
from benchmarking.processor import processor
from similarity.backbone.pretrained import DEFAULT_BACKBONE

FUSED = 3  # references in the rows of several


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        label: what was measured.
        figures: with the default backbone, and with vgg19 where that has it.
        style: how numbers are printed.
        more_is_better: whether a large number is a good one.
    """

    label: str
    figures: list[float]
    style: str = ".3f"
    more_is_better: bool = False

    def __str__(self) -> str:
        text = "  ".join([f"{self.label:46}", *(f"{x:10{self.style}}" for x in self.figures)])
        if len(self.figures) == 1:
            return text
        slim, wide = self.figures
        return f"{text}  {slim / wide if self.more_is_better else wide / slim:5.1f}"


# networks of others, and what of ours does the same work
PEERS = {
    "He 2018, VGG-19 twice and network, 256 px": (["he2018"], "1 reference"),
    "ConvNeXt-tiny alone, 512 px": (["convnext", "tiny"], "no reference"),
    "ConvNeXt-large alone, 512 px": (["convnext", "large"], "no reference"),
    "VGG-19 alone, 256 px": (["vgg19"], "no reference"),
}


def print_table(install: bool = False) -> None:
    """Measure everything and print it; a ratio above 1 says how much worse vgg19 is.

    Args:
        install: also install into an empty environment, which downloads.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder)
        full = make_weights(folder / "vgg19.safetensors")
        lines = [line for size in SIZES for line in _colorizing(folder, full, size)]
        lines += _searching(folder, full)
    print(f"{processor()}\n{'':46}  {DEFAULT_BACKBONE[:10]:>10}  {'vgg19':>10}  ratio")
    for line in lines:
        print(line)
    print(f"\n{'networks of others, random weights':46}  {'s':>10}  times ours at 256 px")
    for text in peer_lines({line.label: line.figures[0] for line in lines}):
        print(text)
    print("\n" + "\n".join([*size_lines(), *([install_line()] if install else [])]))


def peer_lines(ours: Mapping[str, float]) -> list[str]:
    """Measure the networks of others, in this run, beside the same work of ours.

    Args:
        ours: seconds by the label of the table's line.
    """
    lines = []
    for label, (words, what) in PEERS.items():
        seconds = worker(*words)["seconds"]
        ratio = seconds / ours[f"colorize 256 px, {what}, s"]
        lines.append(f"{label:46}  {seconds:10.3f}  {ratio:5.1f}, {what}")
    return lines


def print_scans(megapixels: float) -> None:
    """Print seconds and memory of large scans."""
    with tempfile.TemporaryDirectory() as name:
        for scan_name in make_scans(Path(name), megapixels):
            found = worker("scan", name, scan_name)
            print(
                f"{megapixels:g} MP {scan_name:10}  {found['seconds']:6.1f} s"
                f"  peak {found['mib']:6.0f} MiB",
                flush=True,
            )


def _colorizing(folder: Path, full: Path, size: str) -> list[Line]:
    lines = []
    counts = {"no reference": 0, "1 reference": 1, f"{FUSED} references": FUSED}
    for label, count in counts.items():
        found = worker("warm", folder, size, "network", count)
        lines.append(Line(f"colorize {size}, {label}, s", [found["seconds"]]))
    lines.append(Line(f"colorize {size}, {label}, peak MiB", [found["mib"]], ".0f"))
    point = worker("edit", folder, size)
    lines.append(Line(f"  another color point, {size}, s", [point["seconds"]]))
    what = f"colorize {size}, training-free"
    warm = [worker("warm", folder, size, "training-free", 1, *more) for more in ([], [full])]
    lines.append(Line(f"{what}, s", [found["seconds"] for found in warm]))
    lines.append(Line(f"{what}, peak MiB", [found["mib"] for found in warm], ".0f"))
    both: list[list[object]] = [[], ["--backbone", "vgg19", "--vgg-weights", full]]
    cold = [_cold_seconds(folder, size, more) for more in both]
    lines.append(Line(f"{what}, cold command, s", cold, ".2f"))
    return lines


def _cold_seconds(folder: Path, size: str, more: list[object]) -> float:
    """Seconds of the whole command."""
    command = [Path(sys.executable).with_name("rechroma"), "colorize", folder / f"{size}.jpg"]
    options = ["--reference", folder / "reference.jpg", "--output", folder / "cold.jpg"]
    method = ["--overwrite", "--method", "training-free"]
    return run([str(word) for word in (*command, *options, *method, *more)])[0]


def _searching(folder: Path, full: Path) -> list[Line]:
    built, asked = [], []
    for i, more in enumerate(([], [full])):
        index = folder / f"index {i}"
        built.append(worker("build", folder / "corpus", index, *more))
        large = make_index(folder / f"large {i}", index)
        asked.append(worker("query", folder, large, *more))
    rates, memory = ([found[key] for found in built] for key in ("rate", "mib"))
    whole, ranking = ([found[key] for found in asked] for key in ("ms", "ranking_ms"))
    return [
        Line("build-index, photos/s", rates, ".1f", more_is_better=True),
        Line("build-index, peak MiB (main process)", memory, ".0f"),
        Line(f"query at {NUM_PHOTOS:,} photos, ms", whole, ".1f"),
        Line("  of which ranking, ms", ranking, ".1f"),
    ]
