"""scripts/pictures: the pictures of the README, from the weights that are here."""

from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

SCRIPT = Path(__file__).parent.parent / "scripts" / "pictures"
COMMITTED = SCRIPT.parent.parent / ".github" / "pictures"


def test_the_pictures_of_the_readme_are_made_and_have_colors(tmp_path: Path) -> None:
    module = ModuleType("pictures")
    exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), module.__dict__)
    module.main(tmp_path / "new", page=False)
    for name in ("results.jpg", "how.jpg"):
        with Image.open(tmp_path / "new" / name) as made, Image.open(COMMITTED / name) as committed:
            assert made.size == committed.size
            ours, known = (
                np.asarray(picture.convert("RGB")).astype(int) for picture in (made, committed)
            )
        assert np.ptp(ours, axis=2).mean() > 5
        assert np.abs(ours - known).mean() < 4, (
            f"{name} shows other colors: run scripts/pictures and look at them"
        )
