import threading

import pytest

from colorization.web.messages import GoneError
from colorization.web.storage.named import Named

GONE = "It is not kept any more."


def test_things_are_found_by_names_that_nobody_guesses() -> None:
    kept = Named[str](3, GONE)
    names = [kept.add(one) for one in ("a", "a", "b")]
    assert len(set(names)) == 3 and min(map(len, names)) >= 16
    assert [kept.get(name) for name in names] == ["a", "a", "b"]
    with pytest.raises(GoneError, match=GONE):
        kept.get("other")


def test_the_one_not_used_for_longest_goes_first() -> None:
    kept = Named[int](2, GONE)
    first, second = kept.add(1), kept.add(2)
    kept.get(first)
    kept.add(3)
    assert kept.get(first) == 1
    with pytest.raises(GoneError):
        kept.get(second)


def test_many_threads_add_at_once() -> None:
    kept = Named[int](100, GONE)
    names: list[str] = []
    threads = [
        threading.Thread(target=lambda i=i: names.append(kept.add(i)), daemon=True)
        for i in range(20)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(kept.get(name) for name in names) == list(range(20))
