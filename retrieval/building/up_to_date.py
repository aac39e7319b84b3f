"""Tell an index that is up to date without the network, whose import takes longer than the rest."""

from pathlib import Path

from retrieval.building.changes import BuildReport, find_changes, is_complete, wanted_search
from retrieval.extraction.pca import (
    WEIGHTS_DIR,
    find_projections,
    hash_projections,
    keep_projections,
)
from retrieval.photos.listing import Source
from retrieval.storage.index_folder import sole_writer
from retrieval.storage.inventory import finished_photos, indexed_photos, remove_unnamed
from retrieval.storage.manifest import FEATURES, MANIFEST, read_manifest, settings_key
from similarity.backbone.pretrained import DEFAULT_BACKBONE, efficientnet_hash


def report_up_to_date(
    photos: list[Path], sources: list[Source], index_dir: Path, memory_budget: int | None
) -> BuildReport | None:
    """Report what build_index would report that has nothing to describe and no file to change.

    Args:
        photos: folders and files.
        sources: their pictures, as list_sources finds them.
        index_dir: folder of the index; it need not exist.
        memory_budget: bytes that the search index may take; None keeps what the index has.

    Returns:
        The report; None where anything is new, changed, gone, damaged or of other settings than
        those of the bundled backbone: then build_index has work to do.

    Raises:
        FileNotFoundError: the bundled weights are incomplete.
        ValueError: another writer is at work, or index.json is damaged.
        OSError: the folder cannot be written to.
    """
    if not (index_dir / MANIFEST).is_file() or not (index_dir / FEATURES).is_dir():
        return None
    weights_hash = efficientnet_hash()
    projections = find_projections(WEIGHTS_DIR, weights_hash)
    if not projections:
        return None
    made_by = DEFAULT_BACKBONE, weights_hash, hash_projections(*projections)
    with sole_writer(index_dir):
        previous = read_manifest(index_dir)
        if (previous.backbone, previous.weights_hash, previous.pca_hash) != made_by:
            return None
        if previous.unusable != 0 or len(sources) > previous.count:
            # something new, or unusable before and to be tried again; told without reading the
            # shards
            return None
        key, listed = settings_key(*made_by), {source.absolute for source in sources}
        finished, others = finished_photos(index_dir, key, previous, listed)
        known = indexed_photos(index_dir, key, previous) | finished
        changes = find_changes(photos, sources, known)
        search = wanted_search(len(known), memory_budget, previous)
        if (
            changes.todo
            or changes.gone
            or changes.closed
            or not is_complete(previous, index_dir, known, 0, search)
        ):
            return None
        keep_projections(index_dir, *projections, weights_hash)
        remove_unnamed(index_dir, previous, others)
    return BuildReport(len(known), 0, 0, 0, len(known))
