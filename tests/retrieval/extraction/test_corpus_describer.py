import os
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.extraction.corpus_describer import DescribedBatch, describe_corpus
from retrieval.extraction.extractor import Extractor, glance
from retrieval.photos.listing import list_sources
from retrieval.photos.reader import read_small_rgb
from retrieval.stage_clock import running_clock
from retrieval.storage.descriptors import SIDE, Descriptors
from similarity.backbone.backbone import Backbone


@pytest.fixture(scope="module")
def extractor(backbone: Backbone) -> Extractor:
    found = Extractor.bundled(backbone)
    assert found is not None
    return found


def joined(found: list[DescribedBatch]) -> Descriptors:
    return Descriptors.join([one.descriptors for one in found if one.descriptors])


@pytest.mark.parametrize("workers", [0, 2])
def test_descriptors_are_those_of_the_files_in_order(
    library_dir: Path, extractor: Extractor, workers: int
) -> None:
    sources = list_sources([library_dir])
    found = list(describe_corpus(sources, extractor, workers, 3))
    assert [one.num_files for one in found] == [3, 3, 2]
    assert [row[1] for one in found for row in one.rows] == [source.path for source in sources]
    paths = [Path(os.fsdecode(source.absolute)) for source in sources]
    expected = extractor.describe([glance(read_small_rgb(path, SIDE)) for path in paths])
    described = joined(found)
    np.testing.assert_array_equal(described.histogram, expected.histogram)
    np.testing.assert_array_equal(described.color, expected.color)
    for name in ("global_", "local"):
        own, wanted = (getattr(of, name).astype(np.float32) for of in (described, expected))
        assert (own * wanted).sum(-1).min() > 0.98  # other batches, rounded otherwise in bfloat16


@pytest.mark.parametrize("workers", [0, 1])
def test_files_that_cannot_be_used_are_told(odd_files, extractor: Extractor, workers: int) -> None:
    unusable = list(odd_files.unusable.values())
    sources = list_sources([*unusable, odd_files.usable["whole.png"]])
    found = list(describe_corpus(sources, extractor, workers, len(unusable)))
    assert [len(one.errors) for one in found] == [len(unusable), 0]
    assert found[0].descriptors is None
    assert len(joined(found)) == len(found[1].rows) == 1


@pytest.mark.parametrize(("workers", "batch", "processes"), [(0, 4, 0), (1, 4, 1), (5, 4, 2)])
def test_the_clock_is_told_who_did_what(
    library_dir: Path, extractor: Extractor, workers: int, batch: int, processes: int
) -> None:
    sources = list_sources([library_dir])
    with running_clock() as clock:
        found = list(describe_corpus(sources, extractor, workers, batch))
    assert ({"decoding", "describing"} <= clock.seconds.keys()) == (workers == 0)
    assert clock.workers == processes
    if workers:
        assert clock.beside == {
            "decoding": pytest.approx(sum(one.decoding_seconds for one in found)),
            "describing": pytest.approx(sum(one.describing_seconds for one in found)),
        }
        assert min(clock.beside.values()) > 0


def test_other_devices_describe_in_this_process(
    library_dir: Path, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes: list[int] = []
    some = extractor.describe([glance(np.zeros((9, 9, 3), np.uint8))] * 4)

    def watched(_: Extractor, glances: list) -> Descriptors:
        processes.append(os.getpid())
        return some.take(np.arange(len(glances)))

    monkeypatch.setattr(Extractor, "describe", watched)
    monkeypatch.setattr(Backbone, "device", torch.device("meta"))
    found = list(describe_corpus(list_sources([library_dir]), extractor, 1, 4))
    assert processes == [os.getpid()] * 2
    assert len(joined(found)) == 8
