"""Link what the installed rechroma needs, and nothing of its extras, into another environment."""

import re
import sys
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement


def needed(lines: list[str], known: dict[str, Distribution]) -> dict[str, Distribution]:
    """Packages by name that requirements ask for on this system, without extras."""
    for requirement in map(Requirement, lines):
        key = re.sub(r"[-_.]+", "-", requirement.name).lower()
        wanted = not requirement.marker or requirement.marker.evaluate({"extra": ""})
        if wanted and key not in known:
            known[key] = distribution(requirement.name)
            needed(known[key].requires or [], known)
    return known


def main(environment: Path) -> None:
    """Link every file or folder that the packages have at the top of site-packages."""
    (packages,) = environment.glob("lib/python*/site-packages")
    (own,) = distributions(name="rechroma", path=[str(packages)])
    for one in needed(own.requires or [], {}).values():
        for top in {file.parts[0] for file in one.files or () if file.parts[0] != ".."}:
            source, link = Path(str(one.locate_file(top))), packages / top
            if top != "__pycache__" and source.exists() and not link.exists():
                link.symlink_to(source.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
