import json
import subprocess
import sys
from pathlib import Path

import pytest
from skimage import data, io

SCRIPT = Path(__file__).parents[2] / "scripts" / "ablate"
WEIGHT = "colorization.inference.color_belief.MATCH_WEIGHT"


def ablate(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_constant_counts_in_the_evaluation(tmp_path: Path) -> None:
    """A gain of nothing leaves no color."""
    io.imsave(tmp_path / "cat.png", data.chelsea()[:200, :200])
    gain = "colorization.inference.network_colors.VIVID_LIMITS=(0.0, 0.0)"
    shown = ablate(gain, tmp_path, "--no-points", "--row", "automatic", "--json")
    assert shown.returncode == 0, shown.stderr
    rows = json.loads(shown.stdout)["rows"]
    assert rows["automatic"]["colorfulness"] < 1.0
    assert rows["automatic"]["delta_e"] == pytest.approx(rows["gray"]["delta_e"], abs=0.1)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (".", "give a constant"),
        ("nowhere.AT_ALL=1", "No module named"),
        (f"{WEIGHT}S=1", "has no attribute"),
        (f"{WEIGHT}=(1, 2)", "MATCH_WEIGHT is 3.0"),
        (f"{WEIGHT}=many", "malformed"),
    ],
)
def test_what_is_no_constant_is_told_in_one_line(word: str, told: str) -> None:
    refused = ablate(word)
    assert refused.returncode == 1 and told in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
