"""Join several indexes into one; descriptors are copied, not computed again."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.building.commit import commit
from retrieval.extraction.pca import sound_projections
from retrieval.safe_files import discarding, replacing
from retrieval.storage.contents import Contents, read_contents
from retrieval.storage.index_folder import alone, make_index_folder
from retrieval.storage.inventory import Known, rewritten_name, unfinished
from retrieval.storage.manifest import FEATURES, MANIFEST, Manifest, read_manifest
from retrieval.storage.shards import file_sha256


@dataclass(frozen=True)
class MergeReport:
    """What merging made: photos in the result, and photos that several indexes had."""

    count: int
    shared: int


def merge_indexes(index_dirs: list[Path], out: Path) -> MergeReport:
    """Join indexes of the same backbone.

    A photo that several of them have counts once, as the index describes it that saw its file last.

    Args:
        index_dirs: two or more indexes; they are only read.
        out: the result. It may be one of the indexes, which then takes the others in.

    Raises:
        FileNotFoundError: one of them is no index.
        ValueError: fewer than two indexes, indexes of different backbones, a damaged one, or
            another index at out.
        OSError: the result cannot be written; what was at out is as it was.
    """
    places = list({place.resolve(): place for place in index_dirs}.values())
    if len(places) < 2:
        raise ValueError(
            f"{', '.join(map(str, index_dirs))}: merging takes at least two different indexes"
        )
    at_out = next((place for place in places if place.resolve() == out.resolve()), None)
    if at_out is None and (out / MANIFEST).exists():
        raise ValueError(
            f"{out}: an index is here already; name it among those to merge, or choose another --index"
        )
    _check_same(places)
    contents = {place: read_contents(place) for place in places if place is not at_out}
    make_index_folder(out)
    with alone(out):
        if at_out is not None:  # only now that no builder can change it
            contents[at_out] = read_contents(at_out)
        return _merge({place: contents[place] for place in places}, at_out, out)


def _check_same(places: list[Path]) -> None:
    """One backbone, one set of weights, the same projections and sizes."""
    manifests = [read_manifest(place) for place in places]
    for place, manifest in zip(places, manifests, strict=True):
        if manifest.key != manifests[0].key:
            one, other = (
                f"{p} ({_made_with(m)})" for p, m in ((places[0], manifests[0]), (place, manifest))
            )
            raise ValueError(
                f"{one} and {other} cannot be compared; build one of them again with the other's backbone"
            )


def _made_with(manifest: Manifest) -> str:
    return f"backbone {manifest.backbone}, weights {manifest.weights_hash}, projections {manifest.pca_hash}"


def _merge(contents: dict[Path, Contents], at_out: Path | None, out: Path) -> MergeReport:
    manifests = [one.manifest for one in contents.values()]
    previous = contents[at_out].manifest if at_out else None
    live: dict[bytes, Known] = {}
    total = 0
    fresh: list[Path] = []
    with discarding(fresh):
        for place, one in contents.items():
            for entry, (path, photos) in zip(one.manifest.shards, one.shards, strict=True):
                shard = (
                    path
                    if place is at_out
                    else _copy(path, out / FEATURES / rewritten_name(), entry.sha256, fresh)
                )
                total += len(photos)
                for i in range(len(photos)):
                    known = Known(shard, i, int(photos.size[i]), int(photos.mtime_ns[i]))
                    if known.mtime_ns > live.get(photos.absolute(i), _NEVER).mtime_ns:
                        live[photos.absolute(i)] = known
        if at_out is None or not sound_projections(
            out / manifests[0].pca_file, manifests[0].pca_hash
        ):
            _copy_projections(list(contents), manifests[0], out, fresh)
        unusable = [m.unusable for m in manifests]
        known_unusable = sum(n for n in unusable if n is not None) if None not in unusable else None
        manifest = replace(manifests[0], count=len(live), unusable=known_unusable)
        commit(live, out, manifest.key, manifest, unfinished(out, previous), fresh)
    return MergeReport(len(live), total - len(live))


_NEVER = Known(Path(), 0, 0, -(2**63))


def _copy(path: Path, target: Path, checksum: str, fresh: list[Path]) -> Path:
    fresh.append(target)
    with (
        path.open("rb") as source,
        replacing(target, target.with_suffix(f".{target.stem}.tmp")) as temporary,
    ):
        with temporary.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        if file_sha256(temporary) != checksum:
            raise ValueError(f"{path}: changed while it was copied; run the same command again")
    return target


def _copy_projections(places: list[Path], manifest: Manifest, out: Path, fresh: list[Path]) -> None:
    files = [place / manifest.pca_file for place in places]
    sound = next((path for path in files if sound_projections(path, manifest.pca_hash)), None)
    if sound is None:
        raise ValueError(
            f"{files[0]}: missing or damaged; run build-index on the folders of that index again"
        )
    _copy(sound, out / manifest.pca_file, file_sha256(sound), fresh)
