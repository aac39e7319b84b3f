import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.extraction.corpus_describer import Described, describe_corpus
from retrieval.extraction.corpus_reader import KILLED
from retrieval.extraction.extractor import Extractor, glance
from retrieval.photos.listing import Source, list_sources
from retrieval.photos.reader import read_small_rgb
from retrieval.stage_clock import running_clock
from retrieval.storage.descriptors import SIDE, Descriptors
from similarity.backbone.backbone import Backbone


@pytest.fixture(scope="module")
def extractor(backbone: Backbone) -> Extractor:
    found = Extractor.bundled(backbone)
    assert found is not None
    return found


def joined(found: list[Described]) -> Descriptors:
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


@pytest.mark.parametrize(("workers", "here"), [(0, True), (1, False)])
def test_the_clock_is_told_who_did_what(
    library_dir: Path, extractor: Extractor, workers: int, here: bool
) -> None:
    sources = list_sources([library_dir])
    with running_clock() as clock:
        found = list(describe_corpus(sources, extractor, workers, 4))
    assert ({"decoding", "describing"} <= clock.seconds.keys()) == here
    assert clock.workers == workers
    if not here:
        assert clock.beside == {
            name: pytest.approx(sum(getattr(one, name) for one in found))
            for name in ("decoding", "describing")
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


def failing(_: Extractor, __: list) -> Descriptors:
    raise MemoryError("no room for maps")


def killed(_: Extractor, __: list) -> Descriptors:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_what_fails_in_a_process_is_raised_as_it_is(
    library_dir: Path, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Extractor, "describe", failing)
    with pytest.raises(MemoryError) as raised:
        list(describe_corpus(list_sources([library_dir]), extractor, 2, 4))
    assert str(raised.value) == "no room for maps"


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_a_killed_process_ends_it_in_one_line(
    library_dir: Path, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Extractor, "describe", killed)
    sources: list[Source] = list_sources([library_dir])
    with pytest.raises(ChildProcessError, match="was killed") as raised:
        list(describe_corpus(sources, extractor, 2, 4))
    assert str(raised.value) == KILLED
