import pytest

from retrieval.storage.search_settings import (
    FLAT,
    HNSW,
    HNSW_BYTES,
    IVFPQ,
    MAX_FLAT,
    MEMORY_BUDGET,
    choose_settings,
    num_lists,
    parse_bytes,
)


def test_the_kind_goes_by_count_and_then_by_memory() -> None:
    assert choose_settings(1, 1).kind == choose_settings(MAX_FLAT, 1).kind == FLAT
    count = MAX_FLAT + 1
    assert choose_settings(count, count * HNSW_BYTES).kind == HNSW
    beyond = choose_settings(count, count * HNSW_BYTES - 1)
    assert (beyond.kind, beyond.memory_budget) == (IVFPQ, count * HNSW_BYTES - 1)
    assert choose_settings(1_000_000, MEMORY_BUDGET).kind == HNSW
    assert choose_settings(10_000_000, MEMORY_BUDGET).kind == IVFPQ


@pytest.mark.parametrize(
    ("count", "lists"),
    [(1_000_000, 4096), (100_000, 1024), (10_000_000, 16_384), (1_000_000_000, 131_072)],
)
def test_lists_are_the_power_of_two_nearest_to_four_roots(count: int, lists: int) -> None:
    assert num_lists(count) == lists  # 4,000; 1,265; 12,649; 126,491
    assert choose_settings(count + MAX_FLAT, 1).parameters == {"lists": num_lists(count + MAX_FLAT)}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("300000000", 300_000_000),
        ("1.5GiB", 3 << 29),
        ("1.5 gib", 3 << 29),
        ("800MB", 800_000_000),
        ("800M", 800_000_000),
        ("2Ki", 2048),
        ("1TB", 10**12),
        ("1b", 1),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["", "0", "0GiB", "-1GB", "GiB", "1iB", "1 PB", "1,5GiB", "ten", "1e9", "nan"]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size; write for example 800MB or 1\.5GiB"):
        parse_bytes(text)
