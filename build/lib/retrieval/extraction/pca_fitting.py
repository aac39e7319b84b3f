"""Fit the projections of a backbone's features to photos."""

from collections.abc import Sequence

import numpy as np

from retrieval.extraction.corpus_reader import read_glances
from retrieval.extraction.extractor import raw_features
from retrieval.extraction.pca import Projection, fit_projection
from retrieval.photos.listing import Source
from retrieval.storage.descriptors import GLOBAL_SIZE, GRID, LOCAL_SIZE
from similarity.backbone.backbone import Backbone

# photos; more change the projections little and take as long again as the build itself
SAMPLE = 4000
CELLS = 8  # of the 7x7 of each photo: neighbours are alike, photos are not


def fit_projections(
    sources: Sequence[Source], backbone: Backbone, workers: int, batch: int, sample: int = SAMPLE
) -> tuple[Projection, Projection]:
    """Fit projections of photos as a whole and of their cells; the same photos give the same.

    Args:
        sources: the corpus; photos evenly spaced among them are looked at.
        backbone: makes the features.
        workers: processes that decode photos.
        batch: photos that are described together.
        sample: about how many photos are looked at.

    Raises:
        ValueError: none of them can be read.
    """
    looked_at = list(sources[:: max(1, len(sources) // sample)])
    rng = np.random.default_rng(0)
    whole, cells = [], []
    for readings in read_glances(looked_at, workers, batch):
        good = [reading.glance.luminance for reading in readings if reading.glance]
        if good:
            raw = raw_features(backbone, np.stack(good))
            whole.append(raw.global_)
            cells += [photo[rng.choice(GRID * GRID, CELLS, replace=False)] for photo in raw.local]
    if not whole:
        raise ValueError(f"none of {len(looked_at)} pictures could be read, no index written")
    return fit_projection(np.concatenate(whole), GLOBAL_SIZE), fit_projection(
        np.concatenate(cells), LOCAL_SIZE
    )
