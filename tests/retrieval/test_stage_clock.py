from collections.abc import Iterator

import pytest

from retrieval.stage_clock import StageClock, current_clock, running_clock, stage


@pytest.fixture
def clock() -> StageClock:
    """Each look at it is a second later than the last."""
    ticks: Iterator[int] = iter(range(100))
    return StageClock(lambda: float(next(ticks)))


def test_a_stage_within_another_interrupts_it(clock: StageClock) -> None:
    with clock.stage("outer"):  # begins at 1
        with clock.stage("inner"):  # at 2, until 3
            pass
        with clock.stage("inner"):  # at 4, until 5
            pass
    assert clock.seconds == {"outer": 3.0, "inner": 2.0}  # until 6
    assert clock.total == 7.0


def test_a_stage_that_fails_counts_too(clock: StageClock) -> None:
    with pytest.raises(ValueError, match="no"), clock.stage("a"):
        raise ValueError("no")
    with clock.stage("b"):
        pass
    assert clock.seconds == {"a": 1.0, "b": 1.0}


def test_work_of_other_processes_is_summed(clock: StageClock) -> None:
    clock.add_beside("decoding", 1.5)
    clock.add_beside("decoding", 2.0)
    assert clock.beside == {"decoding": 3.5} and not clock.seconds


def test_stages_count_only_while_a_clock_runs() -> None:
    @stage("whole")
    def work() -> None:
        with stage("part"):
            pass

    work()
    assert current_clock() is None
    with running_clock() as clock:
        work()
        assert current_clock() is clock
    work()
    assert current_clock() is None
    assert list(clock.seconds) == ["whole", "part"] and sum(clock.seconds.values()) < 1
