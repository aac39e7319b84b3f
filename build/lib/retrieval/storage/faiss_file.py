"""Read and write index.faiss."""

import hashlib
import os
from pathlib import Path

import faiss

from retrieval.safe_files import replacing
from retrieval.storage.manifest import FAISS
from retrieval.storage.search_settings import IVFPQ


def write_faiss(index: faiss.Index, index_dir: Path) -> None:
    """Write index.faiss under a temporary name, then rename.

    Args:
        index: as faiss has it.
        index_dir: folder of the index.

    Raises:
        OSError: it cannot be written; the message says what helps.
    """
    with replacing(index_dir / FAISS, what="index") as temporary, temporary.open("wb") as file:
        # faiss opens only names that are UTF-8
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write, 1 << 20))


def read_faiss(path: Path, checksum: str, kind: str = "") -> faiss.Index | None:
    """Read an index if it is the one that index.json names: faiss must not be given damaged bytes.

    The lists of IVFPQ stay on disk and are mapped; the others are loaded.

    Args:
        path: of index.faiss.
        checksum: its SHA-256, hexadecimal.
        kind: FLAT, HNSW or IVFPQ; nothing loads every kind, also IVFPQ, so that photos can be
            added.

    Returns:
        The index. None if the file is missing or another, or if faiss cannot read it, which one of
        another version may not: everything it holds is in the shards too.
    """
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                return None
            if kind == IVFPQ and _is_utf8(path):
                index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
                # else a builder replaced it
                return index if os.path.samestat(os.fstat(file.fileno()), path.stat()) else None
            file.seek(0)
            return faiss.read_index(faiss.PyCallbackIOReader(file.read, 1 << 20))
    except (OSError, RuntimeError):
        return None


def _is_utf8(path: Path) -> bool:
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False
