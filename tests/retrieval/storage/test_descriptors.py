import numpy as np

from retrieval.storage.descriptors import Descriptors


def some(photos: int, seed: int = 0) -> Descriptors:
    rng = np.random.default_rng(seed)
    return Descriptors(
        rng.random((photos, 128)).astype(np.float16),
        rng.random((photos, 49, 64)).astype(np.float16),
        rng.random((photos, 49, 10)).astype(np.float16),
        rng.integers(-60, 61, (photos, 49, 2)).astype(np.int8),
        rng.integers(0, 1000, photos).astype(np.int16),
        rng.random(photos).astype(np.float16),
    )


def test_take_and_join() -> None:
    first, second = some(3), some(2, seed=1)
    joined = Descriptors.join([first, second])
    assert len(joined) == 5
    taken = joined.take(np.array([4, 0]))
    for name in ("global_", "local", "histogram", "label", "chroma"):
        expected = np.stack((getattr(second, name)[1], getattr(first, name)[0]))
        np.testing.assert_array_equal(getattr(taken, name), expected)
