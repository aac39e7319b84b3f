"""What ``rechroma index`` prints, and indexes that say something else than they did."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from retrieval.building.changes import BuildReport

Build = Callable[..., BuildReport]


Run = Callable[..., Result]


Refused = Callable[..., str]


def out(result: Result, status: int = 0) -> str:
    assert (result.exit_code, result.stderr) == (status, ""), result.output
    return result.stdout


def edit(index_dir: Path, **changes: object) -> None:
    data = json.loads((index_dir / "index.json").read_text())
    (index_dir / "index.json").write_text(json.dumps(data | changes))
