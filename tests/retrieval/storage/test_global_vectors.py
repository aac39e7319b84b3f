import numpy as np

from retrieval.storage.global_vectors import GlobalVectors, by_shard


def made(rng: np.random.Generator) -> tuple[GlobalVectors, np.ndarray]:
    parts = [rng.normal(size=(n, 6)).astype(np.float16) for n in (4, 1, 5)]
    return GlobalVectors(parts), np.concatenate(parts).astype(np.float32)


def test_rows_in_any_order_and_more_than_once(rng: np.random.Generator) -> None:
    vectors, table = made(rng)
    assert (len(vectors), vectors.size) == (10, 6)
    for rows in ([9, 0, 4, 4, 5, 3], [4], [], list(range(10))):
        found = vectors.take(np.array(rows, np.int64))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, table[rows])


def test_blocks_are_the_table_from_a_row_on(rng: np.random.Generator) -> None:
    vectors, table = made(rng)
    for start in range(11):
        blocks = list(vectors.blocks(start))
        rows = np.concatenate([rows for rows, _ in blocks]) if blocks else np.empty(0)
        assert rows.tolist() == list(range(start, 10))
        for here, block in blocks:
            np.testing.assert_array_equal(block, table[here])
    assert len(list(vectors.blocks(4))) == 2


def test_rows_by_shard(rng: np.random.Generator) -> None:
    starts, rows = np.array([0, 4, 5, 10]), np.array([9, 0, 4, 3, 5])
    found = {
        shard: (rows[places].tolist(), inside.tolist())
        for shard, places, inside in by_shard(starts, rows)
    }
    assert found == {0: ([0, 3], [0, 3]), 1: ([4], [0]), 2: ([9, 5], [4, 0])}
