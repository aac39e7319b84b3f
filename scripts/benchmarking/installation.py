"""What an installation takes: megabytes of each dependency, and the time of ``pip install``."""

import re
import sys
import tempfile
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from benchmarking.processes import run

ROOT = Path(__file__).parents[2]
LEAST = 5  # megabytes of a dependency that has a row of its own


def sizes(name: str = "rechroma") -> dict[str, float]:
    """Megabytes of a package and of everything that it needs, without extras.

    Args:
        name: of an installed package.

    Returns:
        By name, the largest first.
    """
    found = {one.name.lower(): _megabytes(one) for one in _needed(name, set())}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def size_lines() -> list[str]:
    """A line for the whole, and one for each dependency that counts."""
    found = sizes()
    few = {name: size for name, size in found.items() if size >= LEAST}
    rest = sum(found.values()) - sum(few.values())
    rows = {**few, f"{len(found) - len(few)} others": rest}
    return [f"{f'installed, {len(found)} packages, MB':46}  {sum(found.values()):10.0f}"] + [
        f"{'  ' + name:46}  {size:10.0f}" for name, size in rows.items()
    ]


def install_line() -> str:
    """Time an installation into an empty environment, which downloads what pip has not kept."""
    with tempfile.TemporaryDirectory() as name:
        venv.create(name, with_pip=True)
        python = Path(name) / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        seconds, _ = run([str(python), "-m", "pip", "install", "--quiet", str(ROOT)])
    return f"{'pip install into an empty environment, s':46}  {seconds:10.1f}"


def _needed(name: str, known: set[str]) -> Iterator[Distribution]:
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in known:
        return
    known.add(key)
    try:
        one = distribution(name)
    except PackageNotFoundError:  # of another system
        return
    yield one
    for line in one.requires or ():
        wanted = re.match(r"[A-Za-z0-9._-]+", line)
        if wanted and "extra ==" not in line:
            yield from _needed(wanted[0], known)


def _megabytes(one: Distribution) -> float:
    paths = (Path(str(one.locate_file(file))) for file in one.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
