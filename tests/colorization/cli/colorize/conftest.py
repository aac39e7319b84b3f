"""What the tests of colorize share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import Result
from PIL import Image

Cli = Callable[..., Result]
OddFiles = tuple[dict[str, Path], dict[str, Path]]


@pytest.fixture(scope="module")
def odd_run(
    tmp_path_factory: pytest.TempPathFactory,
    cli: Cli,
    odd_files: OddFiles,
    pictures: dict[str, np.ndarray],
) -> tuple[Result, Path, Path]:
    """All odd files and some more, colorized in one run: result, folder of inputs, of outputs."""
    folder = tmp_path_factory.mktemp("odd_run")
    (folder / "in").mkdir()
    for paths in odd_files:
        for name, path in paths.items():
            (folder / "in" / name).write_bytes(path.read_bytes())
    deep = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    tifffile.imwrite(folder / "in" / "deep.tif", deep)
    Image.fromarray(pictures["chelsea"]).convert("LA").save(folder / "in" / "gray_alpha.png")
    Image.fromarray(pictures["chelsea"]).convert("1").save(folder / "in" / "bilevel.png")
    Image.fromarray(pictures["coffee"]).save(folder / "reference.png")
    result = cli(
        "colorize",
        folder / "in",
        "--reference",
        folder / "reference.png",
        "--output",
        folder / "out",
        "--recolor",
    )
    return result, folder / "in", folder / "out"


@pytest.fixture
def from_reference(cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path) -> Cli:
    """``from_reference(*options)``: colorize a photo from a reference into ``x.png``."""

    def run(*options: object) -> Result:
        output = tmp_path / "x.png"
        return cli(
            "colorize", gray_path, "--reference", reference_path, "--output", output, *options
        )

    return run
