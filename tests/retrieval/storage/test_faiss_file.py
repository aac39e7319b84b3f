import os
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.safe_files import file_sha256
from retrieval.search.faiss_index import make_search_index
from retrieval.storage.faiss_file import read_faiss, write_faiss
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.manifest import FAISS
from retrieval.storage.search_settings import FLAT, HNSW, IVFPQ, SearchSettings

pytestmark = pytest.mark.usefixtures("small_limits")


@pytest.mark.parametrize("kind", [FLAT, HNSW, IVFPQ])
@pytest.mark.parametrize("folder", [b"plain", b"caf\xe9"])
def test_round_trip_under_any_name(
    vectors: GlobalVectors, tmp_path: Path, kind: str, folder: bytes
) -> None:
    place = tmp_path / os.fsdecode(folder)
    place.mkdir()
    index, _ = make_search_index(vectors, SearchSettings(kind, parameters={"lists": 64}))
    write_faiss(index, place)
    assert [p.name for p in place.iterdir()] == [FAISS]
    queries = vectors.take(np.arange(0, 1200, 100))
    for asked in (kind, ""):  # mapped, and loaded to be added to
        read = read_faiss(place / FAISS, file_sha256(place / FAISS), asked)
        assert read is not None
        for ours, theirs in zip(read.search(queries, 5), index.search(queries, 5), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_lists_stay_on_disk(vectors: GlobalVectors, tmp_path: Path) -> None:
    index, _ = make_search_index(vectors, SearchSettings(IVFPQ, parameters={"lists": 64}))
    write_faiss(index, tmp_path)
    kinds = []
    for kind in (IVFPQ, ""):
        read = read_faiss(tmp_path / FAISS, file_sha256(tmp_path / FAISS), kind)
        kinds.append(
            type(faiss.downcast_InvertedLists(faiss.extract_index_ivf(read).invlists)).__name__
        )
    assert kinds == ["OnDiskInvertedLists", "ArrayInvertedLists"]


@pytest.mark.parametrize("kind", [FLAT, IVFPQ])
def test_what_index_json_does_not_name_is_not_read(
    vectors: GlobalVectors, tmp_path: Path, kind: str
) -> None:
    assert read_faiss(tmp_path / FAISS, "0" * 64, kind) is None
    index, _ = make_search_index(vectors, SearchSettings(kind, parameters={"lists": 64}))
    write_faiss(index, tmp_path)
    checksum = file_sha256(tmp_path / FAISS)
    data = bytearray((tmp_path / FAISS).read_bytes())
    data[-40] ^= 1
    (tmp_path / FAISS).write_bytes(data)
    assert read_faiss(tmp_path / FAISS, checksum, kind) is None


def test_a_file_that_is_replaced_while_it_is_opened(
    vectors: GlobalVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, _ = make_search_index(vectors, SearchSettings(IVFPQ, parameters={"lists": 64}))
    write_faiss(index, tmp_path)
    checksum, original = file_sha256(tmp_path / FAISS), faiss.read_index

    def replaced_first(*arguments: object) -> faiss.Index:
        write_faiss(index, tmp_path)
        return original(*arguments)

    monkeypatch.setattr(faiss, "read_index", replaced_first)
    assert read_faiss(tmp_path / FAISS, checksum, IVFPQ) is None
