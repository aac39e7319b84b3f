"""What ``scripts/train`` does, step by step."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from colorization.network.pretrained import STEM, WEIGHTS_DIR
from colorization.training.run import CHECKPOINT, train_network
from colorization.training.run_options import RunOptions
from colorization.training.store.stored_maps import MapStore, StoreOptions
from colorization.training.store.writer import crops_of, write_store
from retrieval.extraction.pca import WEIGHTS_DIR as PROJECTIONS_DIR
from retrieval.extraction.pca import save_projections
from retrieval.extraction.pca_fitting import SAMPLE, fit_projections
from retrieval.photos.listing import evenly, list_sources
from similarity.backbone import pretrained
from similarity.backbone.backbone import Backbone, load_backbone
from similarity.backbone.map_statistics import Moments, save_statistics
from similarity.backbone.weight_files import load_bundled, write_bundled
from similarity.training.loop import read_module

MEASURED_PHOTOS = 1000  # from which the statistics of maps are taken
TOLD_SECONDS = 60.0
RUN_SHARE = 0.7  # of a run where its weights are averaged with what it began with


def store_photos(
    photos: Sequence[Path],
    out: Path,
    options: StoreOptions,
    device: str | None,
    log: Callable[[str], None],
) -> None:
    """Write the store of photos, or finish it.

    Args:
        photos: folders, or files.
        out: folder of the store.
        options: what is stored.
        device: of the encoder; None is the CPU.
        log: receives a line a minute.

    Raises:
        ValueError: there are no photos, or the folder holds another store.
    """
    paths = pictures_in(photos)
    encoder = load_backbone("efficientnet-lite0", device=device or "cpu")
    told = begun = time.monotonic()
    first: int | None = None
    for done in write_store(paths, out, encoder, options):
        first = done if first is None else first
        if time.monotonic() - told > TOLD_SECONDS:
            told = time.monotonic()
            rate = (done - first) / (told - begun)
            log(f"{done} of {len(paths)} photos, {rate:.1f} a second")


def pictures_in(photos: Sequence[Path]) -> list[Path]:
    """All pictures in folders, in order of their names.

    Args:
        photos: folders, or files.

    Raises:
        FileNotFoundError: a folder or file does not exist.
        ValueError: there are none.
    """
    sources = list_sources(list(photos))
    return sorted(Path(os.fsdecode(source.absolute)) for source in sources if not source.closed)


def train_from_store(
    store: Path,
    output: Path,
    options: RunOptions,
    start: Path | None,
    device: str | None,
    log: Callable[[str], None],
) -> None:
    """Train on a store and tell how much better the photos are known that were trained on.

    Args:
        store: folder of the store.
        output: folder of the checkpoint.
        options: how.
        start: checkpoint or folder of exported weights to begin with.
        device: ``cpu``, or None for what accelerate finds.
        log: receives lines.
    """
    begun = weights_of(start) if start else None
    found = train_network(MapStore(store), output, options, begun, device, log)
    for name, losses in found.items():
        log(f"{name} photos: " + " ".join(f"{k} {v:.4f}" for k, v in losses.items()))


def weights_of(start: Path) -> dict[str, Tensor]:
    """The average of a checkpoint, or the weights in a folder that ``export`` wrote.

    Args:
        start: a checkpoint, the output of a run that holds one, or a folder of exported weights.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is no checkpoint, or a shard is damaged.
    """
    if not start.is_dir():
        return read_module(start, "average")
    checkpoint = start / CHECKPOINT
    return read_module(checkpoint, "average") if checkpoint.exists() else load_bundled(STEM, start)


def export_weights(
    run: Path, out: Path = WEIGHTS_DIR, start: Path | None = None, share: float = RUN_SHARE
) -> str:
    """Write the averaged network of a checkpoint as fp16 shards, with its layout beside them.

    Args:
        run: output of a run.
        out: folder of the shards.
        start: what the run began with, see weights_of, to be averaged with what it became: it knows
            the photos of earlier runs, of which this one has seen less.
        share: of the run in that average, 0..1.

    Returns:
        A line for a person.

    Raises:
        FileNotFoundError: there is no run, or no start.
        ValueError: the two are of different layouts, or the share is out of range.

    Source: Wortsman et al. 2022, Robust fine-tuning of zero-shot models.
    """
    settings = json.loads((run / "settings.json").read_text())
    weights = read_module(run / CHECKPOINT, "average")
    if start is not None:
        weights = _between(weights_of(start), weights, share)
    shards = write_bundled(STEM, weights, out)
    layout = {key: settings[key] for key in ("network", "encoder", "prior")}
    (out / f"{STEM}.json").write_text(json.dumps(layout) + "\n")
    return f"exported {shards} shards to {out}"


def _between(first: dict[str, Tensor], last: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """The average of two networks, of which the last one has this share."""
    if not 0 <= share <= 1:
        raise ValueError(f"share must be within 0..1, not {share:g}")
    if {k: v.shape for k, v in first.items()} != {k: v.shape for k, v in last.items()}:
        raise ValueError("networks of different layouts cannot be averaged")
    return {key: torch.lerp(first[key].float(), last[key].float(), share) for key in last}


def fit_index_projections(photos: Sequence[Path], name: str, out: Path = PROJECTIONS_DIR) -> str:
    """Fit the projections of an index to photos and write them where the package keeps them.

    Args:
        photos: folders, or files.
        name: of the backbone.
        out: folder of the projections.

    Returns:
        A line for a person.
    """
    backbone = load_backbone(name)
    sources = list_sources(list(photos))
    projections = fit_projections(sources, backbone, workers=2, batch=32)
    path = out / f"{name}-pca.safetensors"
    save_projections(path, *projections, backbone.weights_hash)
    return f"{path}: fitted to {min(SAMPLE, len(sources))} photos"


@torch.inference_mode()
def measure_statistics(
    photos: Sequence[Path], name: str, weights_dir: Path = pretrained.WEIGHTS_DIR
) -> str:
    """Measure a backbone's maps on crops of photos and write their statistics beside its weights.

    Args:
        photos: folders, or files.
        name: of the backbone.
        weights_dir: folder of the bundled weights.

    Returns:
        A line for a person.
    """
    backbone: Backbone = load_backbone(name)
    paths = pictures_in(photos)
    chosen = evenly(paths, MEASURED_PHOTOS)
    layers = tuple(dict.fromkeys((*backbone.layers.levels, *backbone.layers.detail)))
    moments = Moments()
    for row, path in enumerate(chosen):
        for lab in crops_of(path, row, StoreOptions(crops=1)):
            moments.add(backbone(lab[None, :1], layers))
    written = save_statistics(name, moments.statistics(), weights_dir)
    return f"{written}: statistics of {', '.join(layers)} over {len(chosen)} photos"
