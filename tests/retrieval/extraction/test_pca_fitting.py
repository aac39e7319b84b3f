from pathlib import Path

import numpy as np
import pytest

from retrieval.extraction.extractor import glance, raw_features
from retrieval.extraction.pca_fitting import fit_projections
from retrieval.photos.listing import list_sources
from retrieval.photos.reader import read_small_rgb
from retrieval.storage.descriptors import GLOBAL_SIZE, LOCAL_SIZE
from similarity.backbone.backbone import Backbone


def test_the_same_photos_give_the_same_however_they_are_read(
    library_dir: Path, backbone: Backbone
) -> None:
    sources = list_sources([library_dir])
    one, other = (
        fit_projections(sources, backbone, workers, batch) for workers, batch in ((0, 8), (1, 3))
    )
    for first, second in zip(one, other, strict=True):
        np.testing.assert_allclose(first.mean, second.mean, atol=1e-3)
    raw = raw_features(
        backbone,
        [glance(read_small_rgb(path, 224)).luminance for path in library_dir.rglob("*.png")],
    )
    assert one[0].apply(raw.global_).shape == (8, GLOBAL_SIZE)
    assert one[1].apply(raw.local).shape == (8, 49, LOCAL_SIZE)
    spread = one[0].apply(raw.global_)
    assert (spread @ spread.T)[~np.eye(8, dtype=bool)].max() < 0.99  # photos stay apart


def test_fewer_photos_can_be_looked_at(library_dir: Path, backbone: Backbone) -> None:
    sources = list_sources([library_dir])
    few, first = (
        fit_projections(sources, backbone, 0, 8, sample=2),
        fit_projections(sources[::4], backbone, 0, 8),
    )
    np.testing.assert_array_equal(few[1].components, first[1].components)


def test_no_photo_that_can_be_read(tmp_path: Path, backbone: Backbone) -> None:
    (tmp_path / "a.jpg").write_text("not a picture\n")
    with pytest.raises(ValueError, match="none of 1 pictures could be read, no index written"):
        fit_projections(list_sources([tmp_path]), backbone, 0, 8)
