"""Write crops of photos with the frozen encoder's maps, or go on writing them.

Crops, mirroring and the tones of prints are drawn when the maps are written, several a photo.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.color_bins import histogram
from colorization.network.colorization_network import ENCODER_MAPS
from colorization.training.store.aged_prints import aged, on_film
from colorization.training.store.resemblance import resembling
from colorization.training.store.stored_maps import (
    AB_STRIDE,
    CROPS,
    PHOTOS,
    PLAN,
    STORE,
    StoreOptions,
)
from retrieval.photos.listing import evenly
from retrieval.photos.reader import PictureError, read_small_rgb
from retrieval.safe_files import locked, replacing
from similarity.backbone.backbone import Backbone
from similarity.backbone.precision import inference
from similarity.color.tones import spread_tones
from similarity.training.crops import random_square

SHORT_SIDE = 256  # photos are read at this short side or up to twice as large
AGED_SHARE = 0.75  # of the crops whose luminance is that of an old print
LOCK = ".lock"  # held by whoever writes the store
BATCH, AHEAD = 16, 2  # photos that are described together; batches that are decoded ahead
PRIOR_CROPS = 2000  # crops from which the frequencies of colors are counted


def write_store(
    paths: Sequence[Path],
    out: Path,
    encoder: Backbone,
    options: StoreOptions = StoreOptions(),
    workers: int = 2,
) -> Iterator[int]:
    """Write the crops of photos, or go on where an earlier call was stopped.

    Args:
        paths: color photos, in an order that does not change from call to call.
        out: folder of the store.
        encoder: what describes them.
        options: what is stored.
        workers: threads that decode.

    Yields:
        How many photos have been looked at, each time that some more have; nothing where the store
        is finished. Photos that cannot be read are left out.

    Raises:
        ValueError: the folder holds a store of other photos or options, another process is writing
            it, or no photo can be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / LOCK, f"{out}: another process is writing there; start one alone"):
        _check_plan(out, paths, encoder, options)
        if not (out / STORE).exists():
            yield from _write(paths, out, encoder, options, workers)


def _write(
    paths: Sequence[Path], out: Path, encoder: Backbone, options: StoreOptions, workers: int
) -> Iterator[int]:
    first = _first_missing(out, options)
    with (
        (out / CROPS).open("ab") as crops,
        (out / PHOTOS).open("ab") as photos,
        ThreadPoolExecutor(workers) as pool,
    ):
        for start, found in _drawn(paths, first, options, pool):
            there = [start + i for i, one in enumerate(found) if one]
            if there:
                labs = torch.stack([lab for one in found for lab in one])
                crops.write(_records(labs, encoder, options).tobytes())
                photos.write(np.array(there, np.int32).tobytes())
                crops.flush()
                photos.flush()
            yield start + len(found)
    if not (out / PHOTOS).stat().st_size:
        raise ValueError("none of the photos can be read")
    _finish(out, options)


def _check_plan(out: Path, paths: Sequence[Path], encoder: Backbone, options: StoreOptions) -> None:
    """Write what is stored into the folder, or refuse one that holds something else."""
    plan = {
        "encoder": encoder.weights_hash,
        **asdict(options),
        "photos": hashlib.sha256("\n".join(map(str, paths)).encode()).hexdigest(),
    }
    path = out / PLAN
    if not path.exists():
        with replacing(path, out / "plan.tmp") as temporary:
            temporary.write_text(json.dumps(plan) + "\n")
    elif json.loads(path.read_text()) != plan:
        raise ValueError(f"{out}: holds crops of other photos or options; choose another folder")


def _first_missing(out: Path, options: StoreOptions) -> int:
    """Number of the photo to go on with, after what was half written is cut off."""
    unit = options.record.itemsize * options.crops
    crops, photos = out / CROPS, out / PHOTOS
    for path in (crops, photos):
        path.touch()
    done = min(crops.stat().st_size // unit, photos.stat().st_size // 4)
    os.truncate(crops, done * unit)
    os.truncate(photos, done * 4)
    kept = np.fromfile(photos, np.int32)
    return int(kept[-1]) + 1 if len(kept) else 0


def _drawn(
    paths: Sequence[Path], first: int, options: StoreOptions, pool: ThreadPoolExecutor
) -> Iterator[tuple[int, list[list[Tensor]]]]:
    """The number of the first photo of each batch, and the crops of its photos, drawn ahead."""

    def begun(start: int) -> list[Future[list[Tensor]]]:
        rows = range(start, min(start + BATCH, len(paths)))
        return [pool.submit(crops_of, paths[row], row, options) for row in rows]

    starts = range(first, len(paths), BATCH)
    ahead = [begun(start) for start in starts[:AHEAD]]
    for start in starts:
        if start + AHEAD * BATCH < len(paths):
            ahead.append(begun(start + AHEAD * BATCH))
        yield start, [future.result() for future in ahead.pop(0)]


def crops_of(path: Path, row: int, options: StoreOptions) -> list[Float[Tensor, "3 side side"]]:
    """Draw the crops of a photo.

    Args:
        path: of the photo.
        row: its number, from which and from the seed all that is random follows.
        options: side, number and cover of the crops.

    Returns:
        Lab of each crop, with the luminance that the networks see; none if it cannot be read.
    """
    try:
        rgb = read_small_rgb(path, SHORT_SIDE)
    except PictureError:
        return []
    found = []
    for number in range(options.crops):
        rng = np.random.default_rng((options.seed, row, number))
        lab = on_film(random_square(rgb, rng, options.cover, options.side), rng)
        if rng.random() < AGED_SHARE:
            lab = aged(lab, rng)
        found.append(spread_tones(lab[None])[0])
    return found


def _records(labs: Tensor, encoder: Backbone, options: StoreOptions) -> np.ndarray:
    records = np.zeros(len(labs), options.record)
    levels = (labs[:, :1] * 2.55).round().clamp(0, 255)
    with inference():
        for name, values in encoder.standardised_maps(levels / 2.55, tuple(ENCODER_MAPS)).items():
            records[name] = values.permute(0, 2, 3, 1).cpu().numpy().astype(np.float16)
    ab = F.avg_pool2d(labs[:, 1:], AB_STRIDE).round().clamp(-127, 127)
    records["luminance"] = levels[:, 0].numpy().astype(np.uint8)
    records["ab"] = ab.permute(0, 2, 3, 1).numpy().astype(np.int8)
    return records


def _finish(out: Path, options: StoreOptions) -> None:
    """Write which photos resemble which, and how frequent each color is."""
    crops = np.memmap(out / CROPS, options.record, "r").reshape(-1, options.crops)
    whole = np.concatenate(
        [
            crops[i : i + 256, 0]["stride32"].astype(np.float32).mean((1, 2))
            for i in range(0, len(crops), 256)
        ]
    )
    counted = crops[evenly(range(len(crops)), PRIOR_CROPS), 0]["ab"]
    ab = torch.from_numpy(counted.astype(np.float32)).permute(0, 3, 1, 2)
    prior = histogram(F.avg_pool2d(ab, 4)).mean(0)
    temporary = out / "store.tmp.npz"
    with replacing(out / STORE, temporary):
        np.savez(temporary, like=resembling(torch.from_numpy(whole)), prior=prior.numpy())
