"""Join several indexes into one; descriptors are copied, not computed again."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.building.commit import commit
from retrieval.extraction.pca import sound_projections
from retrieval.safe_files import discarding, file_sha256, replacing
from retrieval.storage.contents import Contents, read_contents
from retrieval.storage.index_folder import make_index_folder, sole_writer
from retrieval.storage.inventory import ShardRow, rewritten_name, shard_rows, unfinished_shards
from retrieval.storage.manifest import FEATURES, MANIFEST, IndexManifest, read_manifest


@dataclass(frozen=True)
class MergeReport:
    """What merging made.

    Attributes:
        count: photos in the result.
        shared: how many rows were left out because another index describes the same photo.
    """

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
            f"{out}: an index is here already; name it among those to merge,"
            " or choose another --index"
        )
    _check_same(places)
    contents = {place: read_contents(place) for place in places if place is not at_out}
    make_index_folder(out)
    with sole_writer(out):
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
                f"{one} and {other} cannot be compared;"
                " build one of them again with the other's backbone"
            )


def _made_with(manifest: IndexManifest) -> str:
    weights, projections = manifest.weights_hash, manifest.pca_hash
    return f"backbone {manifest.backbone}, weights {weights}, projections {projections}"


def _merge(contents: dict[Path, Contents], at_out: Path | None, out: Path) -> MergeReport:
    manifests = [one.manifest for one in contents.values()]
    previous = contents[at_out].manifest if at_out else None
    live: dict[bytes, ShardRow] = {}
    total = 0
    fresh: list[Path] = []
    with discarding(fresh):
        for place, one in contents.items():
            for entry, (path, photos) in zip(one.manifest.shards, one.shards, strict=True):
                shard = path
                if place is not at_out:
                    shard = _copy(path, out / FEATURES / rewritten_name(), entry.sha256, fresh)
                total += len(photos)
                for name, row in shard_rows(shard, photos).items():
                    if name not in live or row.mtime_ns > live[name].mtime_ns:
                        live[name] = row
        if at_out is None or not sound_projections(
            out / manifests[0].pca_file, manifests[0].pca_hash
        ):
            _copy_projections(list(contents), manifests[0], out, fresh)
        unusable = sum(m.unusable for m in manifests)
        manifest = replace(manifests[0], unusable=unusable)
        commit(live, out, manifest, unfinished_shards(out, previous), fresh)
    return MergeReport(len(live), total - len(live))


def _copy(path: Path, target: Path, checksum: str, fresh: list[Path]) -> Path:
    fresh.append(target)
    with (
        path.open("rb") as source,
        replacing(target, target.with_suffix(f".{target.stem}.tmp"), "index") as temporary,
    ):
        with temporary.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        if file_sha256(temporary) != checksum:
            raise ValueError(f"{path}: changed while it was copied; run the same command again")
    return target


def _copy_projections(
    places: list[Path], manifest: IndexManifest, out: Path, fresh: list[Path]
) -> None:
    files = [place / manifest.pca_file for place in places]
    sound = next((path for path in files if sound_projections(path, manifest.pca_hash)), None)
    if sound is None:
        raise ValueError(
            f"{files[0]}: missing or damaged; run build-index on the folders of that index again"
        )
    _copy(sound, out / manifest.pca_file, file_sha256(sound), fresh)
