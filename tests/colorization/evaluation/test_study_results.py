from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from study_page import choices

from colorization.evaluation.study_results import StudyResult, read_results, wilson_interval


def test_wilson_by_hand() -> None:
    """8 of 10: z² = 3.8415.

    Middle (0.8 + 0.19207) / 1.38415 = 0.71674, half 1.95996 / 1.38415 * 0.16041 = 0.22715.
    """
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


@pytest.mark.parametrize(
    ("successes", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 30), (500, 1000)]
)
def test_wilson_against_scipy(successes: int, n: int) -> None:
    wanted = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_wilson_without_trials_knows_nothing_and_refuses_nonsense() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    for successes, n in ((3, 2), (-1, 2), (0, -1)):
        with pytest.raises(ValueError, match="expected successes within"):
            wilson_interval(successes, n)


def test_wilson_mirrors_and_narrows() -> None:
    low, high = wilson_interval(3, 12)
    assert wilson_interval(9, 12) == pytest.approx((1 - high, 1 - low))
    assert np.ptp(wilson_interval(30, 120)) < high - low
    assert low < 0.25 < high


def test_choices_of_several_people_add_up(tmp_path: Path) -> None:
    one = choices(tmp_path / "one.json", ["first", "second", "second"])
    two = choices(tmp_path / "two.json", ["first"])
    found = read_results([one, two])
    assert found == StudyResult("real", ("sepia", "real"), 2, 4)
    assert (found.share, found.interval) == (0.5, wilson_interval(2, 4))
    assert found.sentence() == "fooled: 50.0 % (2 of 4; 95 % interval 15.0 % to 85.0 %)"
    preferred = StudyResult("preference", ("sepia", "blue"), 8, 10)
    assert (
        preferred.sentence()
        == "preferred sepia over blue: 80.0 % (8 of 10; 95 % interval 49.0 % to 94.3 %)"
    )
    assert StudyResult("real", ("sepia", "real"), 0, 0).sentence() == "no choices yet"


def test_what_one_person_chose_counts_once(tmp_path: Path) -> None:
    one = choices(tmp_path / "one.json", ["first"])
    copy = tmp_path / "copy.json"
    copy.write_bytes(one.read_bytes())
    for again in (one, tmp_path / ".." / tmp_path.name / "one.json"):
        with pytest.raises(ValueError, match=r"one\.json: is given twice; .* counts once$"):
            read_results([one, again])
    with pytest.raises(ValueError, match=r"copy\.json: holds the same choices as .*one\.json; "):
        read_results([one, copy])


def test_what_are_no_choices_is_refused(tmp_path: Path) -> None:
    good = choices(tmp_path / "good.json", ["first"])
    bad = tmp_path / "bad.json"
    for text in ("", "[]", "{}", '{"choices": 3}', "\xff"):
        bad.write_bytes(text.encode("latin-1"))
        with pytest.raises(ValueError, match=r"bad\.json: not a file of choices"):
            read_results([bad])
    for made in (
        choices(bad, ["third"]),
        choices(bad, ["first"], "other"),
        choices(bad, ["first"], names=["sepia"]),
    ):
        with pytest.raises(ValueError, match=r"bad\.json: not a file of choices"):
            read_results([made])
    with pytest.raises(ValueError, match="of another study than"):
        read_results([good, choices(bad, ["first"], study="t")])
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_results([tmp_path / "gone.json"])
    with pytest.raises(ValueError, match="at least one"):
        read_results([])
