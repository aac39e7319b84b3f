import numpy as np

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.web.editing.kept_photos import KeptPhotos

Pictures = dict[str, np.ndarray]


def test_the_one_not_used_for_longest_goes(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    photos = [colorizer.prepare(gray_pictures["rocket"], [], fast) for _ in range(3)]
    kept = KeptPhotos(photos[0].num_bytes * 5 // 2)
    kept.keep("a", photos[0])
    kept.keep("b", photos[1])
    assert kept.get("a") is photos[0]
    kept.keep("c", photos[2])
    assert kept.get("b") is None
    assert (kept.get("a"), kept.get("c"), len(kept)) == (photos[0], photos[2], 2)
    assert kept.num_bytes == photos[0].num_bytes + photos[2].num_bytes


def test_one_that_has_grown_counts_as_it_is_once_it_is_kept_again(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    one, other = (colorizer.prepare(gray_pictures["rocket"], [], fast) for _ in range(2))
    before = one.num_bytes
    kept = KeptPhotos(2 * before)
    kept.keep("other", other)
    kept.keep("one", one)
    assert kept.num_bytes == 2 * before
    colorizer.apply(one)
    assert one.num_bytes > before
    kept.keep("one", one)  # and there is no room for the other any more
    assert (kept.get("one"), kept.get("other")) == (one, None)
    assert kept.num_bytes == one.num_bytes


def test_one_that_is_too_large_is_not_kept(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    one = colorizer.prepare(gray_pictures["rocket"], [], fast)
    kept = KeptPhotos(one.num_bytes)
    kept.keep("one", one)
    assert kept.get("one") is one
    colorizer.apply(one)  # and now it is larger
    kept.keep("one", one)
    assert (kept.get("one"), kept.num_bytes) == (None, 0)
