"""Check an index against its checksums, against itself, and against the photos on disk."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from retrieval.extraction.pca import hash_projections, load_projections
from retrieval.progress import Progress
from retrieval.safe_files import file_sha256
from retrieval.storage.faiss_check import wrong_shard
from retrieval.storage.faiss_file import read_faiss
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.manifest import FAISS, FEATURES, MANIFEST, IndexManifest, read_manifest
from retrieval.storage.mending_commands import all_in, forget, rebuild, relink
from retrieval.storage.search_settings import FLAT
from retrieval.storage.shards import (
    Photos,
    ShardReader,
    allow_open_files,
    read_photos,
    shard_problem,
)

PAUSE = 1.0  # seconds in which a builder has replaced what it has begun to replace


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        path: of the file or folder.
        problem: what is wrong with it.
        cure: what helps, mostly a command.
    """

    path: Path
    problem: str
    cure: str


def verify_index(
    index_dir: Path, with_photos: bool = True, progress: Progress | None = None
) -> list[Finding]:
    """Check everything that can be checked without describing a photo anew.

    Args:
        index_dir: folder of the index.
        with_photos: also check that each photo is on disk and has the content that was described.
        progress: called with (photos looked at, photos).

    Returns:
        What is wrong; nothing for a sound index.

    Raises:
        FileNotFoundError: there is no index.
        ValueError: index.json is damaged or of a newer format.
    """
    known: tuple[IndexManifest, list[Finding]] | None = None
    # what is wrong in the index itself may be what a builder is replacing: it is looked at again
    while True:
        manifest = read_manifest(index_dir)
        try:
            findings = _verify(index_dir, manifest, with_photos, progress)
        except FileNotFoundError as error:
            findings = [
                Finding(
                    Path(error.filename or index_dir), "missing", "run rechroma index verify again"
                )
            ]
        own = [finding for finding in findings if finding.path.is_relative_to(index_dir)]
        if not own or known == (manifest, own):
            return findings
        known = manifest, own
        time.sleep(PAUSE)


def _verify(
    index_dir: Path, manifest: IndexManifest, with_photos: bool, progress: Progress | None
) -> list[Finding]:
    problems: list[tuple[Path, str]] = []
    sound: list[tuple[Path, Photos]] = []
    for entry in manifest.shards:
        path = index_dir / FEATURES / entry.file
        problem = shard_problem(path, entry.sha256, manifest.key)
        photos = None if problem else read_photos(path)
        if photos is None or len(photos) != entry.count:
            problems.append(
                (
                    path,
                    problem or f"holds {len(photos or [])} photos, index.json says {entry.count}",
                )
            )
        else:
            sound.append((path, photos))
    joined = Photos.join([photos for _, photos in sound]) if sound else None
    mend = rebuild(index_dir, manifest.roots, manifest.backbone)
    findings = [
        Finding(path, problem, f"describe its photos again: {mend}") for path, problem in problems
    ]
    findings += _check_counts(index_dir, manifest, None if problems else joined, mend)
    findings += _check_projections(index_dir, manifest, mend)
    findings += _check_faiss(
        index_dir, manifest, [] if problems else [path for path, _ in sound], mend
    )
    if with_photos and joined is not None:
        findings += _check_photos(index_dir, manifest.backbone, joined, progress)
    return findings


def _check_counts(
    index_dir: Path, manifest: IndexManifest, photos: Photos | None, mend: str
) -> list[Finding]:
    path, total = index_dir / MANIFEST, sum(entry.count for entry in manifest.shards)
    if manifest.count != total:
        return [Finding(path, f"says {manifest.count} photos, its shards hold {total}", mend)]
    if photos is not None:
        twice = len(photos) - len({photos.absolute(i) for i in range(len(photos))})
        if twice:
            return [Finding(path, f"{twice} photos are in it twice", mend)]
    return []


def _check_projections(index_dir: Path, manifest: IndexManifest, mend: str) -> list[Finding]:
    path = index_dir / manifest.pca_file
    try:
        if hash_projections(*load_projections(path)) == manifest.pca_hash:
            return []
        problem = "damaged, its numbers are not those the name says"
    except FileNotFoundError:
        problem = "missing"
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        problem = f"damaged ({' '.join(str(error).split())})"
    return [Finding(path, problem, mend)]


def _check_faiss(
    index_dir: Path, manifest: IndexManifest, shards: list[Path], mend: str
) -> list[Finding]:
    """Check index.faiss: its checksum, then its content, for which all shards must be sound."""
    path = index_dir / FAISS
    without = (
        "only opening is slower"
        if manifest.search.kind == FLAT
        else "but compare all photos, slowly"
    )
    cure = f"searches do without it, {without}; write it again: {mend}"
    index = read_faiss(path, manifest.faiss_sha256, manifest.search.kind)
    if index is None:
        try:
            sound = file_sha256(path) == manifest.faiss_sha256
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            return [Finding(path, "missing" if missing else str(error.strerror), cure)]
        if sound:
            problem = "not an index of faiss, or of another version of it"
            return [Finding(path, problem, f"{cure} --overwrite")]
        return [Finding(path, "damaged, its checksum is not the one in index.json", cure)]
    mend = f"{mend} --overwrite"
    if index.ntotal != manifest.count:
        return [
            Finding(path, f"holds {index.ntotal} photos, index.json says {manifest.count}", mend)
        ]
    if shards:
        allow_open_files(len(shards))
        vectors = GlobalVectors([ShardReader(shard).descriptors.global_ for shard in shards])
        wrong = wrong_shard(index, vectors, manifest.search.kind)
        if wrong is not None:
            return [Finding(path, f"its descriptors are not those of {shards[wrong].name}", mend)]
    return []


def _check_photos(
    index_dir: Path, backbone: str, photos: Photos, progress: Progress | None
) -> list[Finding]:
    """Find photos that are gone or changed; a folder that is gone as a whole is one finding."""
    moved = f"if it was moved: {relink(index_dir)}; if it was deleted: "
    findings = []
    roots = {root: os.path.isdir(root) for root in set(photos.root)}  # noqa: PTH112 - never raises, whoever may not look
    for root, is_there in sorted(roots.items()):
        if not is_there:
            count, path = int((photos.root == root).sum()), os.fsdecode(root)
            is_all = count == len(photos)
            cure = moved + ("delete the index" if is_all else forget(index_dir, all_in(path)))
            findings.append(Finding(Path(path), f"this folder of {count} photos is missing", cure))
    for row in range(len(photos)):
        if roots[photos.root[row]]:
            problem, is_gone = _photo_problem(photos, row)
            photo = Path(os.fsdecode(photos.absolute(row)))
            if is_gone:
                findings.append(Finding(photo, problem, moved + forget(index_dir, photo)))
            elif problem:
                findings.append(Finding(photo, problem, rebuild(index_dir, [photo], backbone)))
        if progress:
            progress(row + 1, len(photos))
    return findings


def _photo_problem(photos: Photos, row: int) -> tuple[str, bool]:
    """What is wrong with a photo, if anything, and whether it is gone.

    Only a file with a new size or date is read.
    """
    path = Path(os.fsdecode(photos.absolute(row)))
    try:
        stat = path.stat()
        if stat.st_size == photos.size[row] and stat.st_mtime_ns == photos.mtime_ns[row]:
            return "", False
        same = file_sha256(path) == photos.sha256[row].tobytes().hex()
    except (FileNotFoundError, NotADirectoryError):
        return "missing", True
    except OSError as error:
        return f"cannot be read ({error.strerror})", False
    return ("" if same else "changed since it was indexed"), False
