"""Fit the projections of a backbone's features to photos."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from retrieval.extraction.corpus_reader import Reading, batches_of, read_batch, read_glances
from retrieval.extraction.extractor import RawFeatures, raw_features
from retrieval.extraction.pca import Projection, fit_projection
from retrieval.extraction.worker_processes import in_processes
from retrieval.photos.listing import Source, evenly
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
        workers: processes that decode photos, and on a CPU run the network; 0 does all in this one.
        batch: files that a process takes at once.
        sample: how many photos are looked at, at most.

    Raises:
        ValueError: none of them can be read.
    """
    looked_at = evenly(sources, sample)
    rng = np.random.default_rng(0)
    whole, cells = [], []
    for raw in _features_of(looked_at, backbone, workers, batch):
        if raw is not None:
            whole.append(raw.global_)
            cells += [photo[rng.choice(GRID * GRID, CELLS, replace=False)] for photo in raw.local]
    if not whole:
        raise ValueError(f"none of {len(looked_at)} pictures could be read, no index written")
    return fit_projection(np.concatenate(whole), GLOBAL_SIZE), fit_projection(
        np.concatenate(cells), LOCAL_SIZE
    )


def _features_of(
    sources: list[Source], backbone: Backbone, workers: int, batch: int
) -> Iterator[RawFeatures | None]:
    """Features of batches of files; None where none of a batch can be used."""
    if backbone.device.type == "cpu":  # see corpus_describer
        work = partial(_read_and_run, backbone)
        yield from in_processes(work, batches_of(sources, batch), workers)
    else:
        for readings in read_glances(sources, workers, batch):
            yield _run(backbone, readings)


def _read_and_run(backbone: Backbone, sources: Sequence[Source]) -> RawFeatures | None:
    return _run(backbone, read_batch(sources))


def _run(backbone: Backbone, readings: list[Reading]) -> RawFeatures | None:
    seen = [reading.glance.luminance for reading in readings if reading.glance]
    return raw_features(backbone, seen) if seen else None
