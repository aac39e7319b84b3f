"""An index and weights to measure with, both made at random."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from retrieval.building.commit import commit
from retrieval.storage.inventory import ShardRow
from retrieval.storage.manifest import FEATURES, read_manifest
from retrieval.storage.shards import SHARD_PHOTOS, PhotoRow, Photos, read_descriptors, write_shard
from similarity.backbone.vgg19 import VGG19

NUM_PHOTOS = 16_708


def make_index(folder: Path, real: Path) -> Path:
    """Make an index of NUM_PHOTOS photos: the descriptors of a real one, disturbed at random.

    Args:
        folder: where it goes.
        real: the real one.

    Returns:
        ``folder``.
    """
    manifest, rng = read_manifest(real), np.random.default_rng(0)
    live: dict[bytes, ShardRow] = {}
    (folder / FEATURES).mkdir(parents=True)
    (folder / manifest.pca_file).write_bytes((real / manifest.pca_file).read_bytes())
    base = read_descriptors(real / FEATURES / manifest.shards[0].file)
    for start in range(0, NUM_PHOTOS, SHARD_PHOTOS):
        count = min(SHARD_PHOTOS, NUM_PHOTOS - start)
        picked = base.take(rng.integers(0, len(base), count))
        global_ = picked.global_ + rng.normal(0, 0.05, picked.global_.shape)
        global_ /= np.linalg.norm(global_, axis=1, keepdims=True)
        made = replace(picked, global_=global_.astype(np.float16))
        photos = Photos.of(
            [PhotoRow(b"/made", f"{start + i}.jpg".encode(), 1, 1, bytes(32)) for i in range(count)]
        )
        path = write_shard(folder / FEATURES / f"{start:08}.h5", photos, made, manifest.key)
        live |= {photos.absolute(i): ShardRow(path, i, 1, 1) for i in range(count)}
    commit(live, folder, replace(manifest, count=NUM_PHOTOS))
    return folder


def make_weights(path: Path) -> Path:
    """A file of torchvision's vgg19 layout with random weights."""
    save_file(VGG19().state_dict(), path)
    return path
