"""Principal components: photos to 128 numbers, their cells to 64, then unit length.

Projections of efficientnet-lite0 and vgg19-slim come with the package, fitted once on a large
corpus: so a folder of ten photos can be indexed, and indexes of different folders are comparable.
Those of other backbones are fitted to the first corpus.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from retrieval.safe_files import replacing
from retrieval.storage.manifest import pca_file

WEIGHTS_DIR = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True)
class Projection:
    """A centring and a linear map.

    Attributes:
        mean: of the training features.
        components: one row an output dimension, in order of falling variance; rows beyond the rank
            are zero.
    """

    mean: Float32[np.ndarray, " features"]
    components: Float32[np.ndarray, "dimensions features"]

    def apply(
        self, features: Float[np.ndarray, "*batch features"]
    ) -> Float32[np.ndarray, "*batch dimensions"]:
        """Project and scale to unit length."""
        # multiplied by torch: numpy's own threads wait busily, and slow down those of the network;
        # imported here, as a build that finds nothing to do ends without it
        import torch

        centred = torch.from_numpy(np.asarray(features - self.mean, np.float32))
        projected = (centred @ torch.tensor(self.components).T).numpy()
        norm = np.maximum(np.linalg.norm(projected, axis=-1, keepdims=True), 1e-6)
        return np.asarray(projected / norm, np.float32)


def fit_projection(features: Float[np.ndarray, "samples features"], dimensions: int) -> Projection:
    """Fit a projection to feature vectors.

    Args:
        features: training vectors.
        dimensions: wanted; with fewer samples than that the remaining components are zero.

    Raises:
        ValueError: there are no samples.
    """
    if not len(features):
        raise ValueError("principal components need at least one sample")
    mean = features.mean(0, dtype=np.float64)
    centred = features.astype(np.float64) - mean
    if len(features) > features.shape[1]:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        components = vectors[:, ::-1][:, :dimensions].T
        values = values[::-1][:dimensions]
    else:
        _, singular, rows = np.linalg.svd(centred, full_matrices=False)
        components, values = rows[:dimensions], singular[:dimensions] ** 2
    components = components * (values > 1e-9 * max(values.max(), 1e-12))[:, None]
    if len(features) == 1:  # nothing to learn from one sample: keep the leading coordinates
        mean, components = np.zeros_like(mean), np.eye(dimensions, features.shape[1])
    padded = np.zeros((dimensions, features.shape[1]))
    padded[: len(components)] = components
    return Projection(mean.astype(np.float32), padded.astype(np.float32))


def save_projections(path: Path, global_: Projection, local: Projection, weights_hash: str) -> None:
    """Write both projections, and which weights they belong to; the file is whole or not there.

    A file that holds exactly that is left alone.

    Args:
        path: of the safetensors file.
        global_: of whole photos.
        local: of their cells.
        weights_hash: of the backbone whose features they project, see Backbone.weights_hash.
    """
    arrays = {"global.mean": global_.mean, "global.components": global_.components}
    arrays |= {"local.mean": local.mean, "local.components": local.components}
    data = save(
        {k: np.ascontiguousarray(v) for k, v in arrays.items()}, {"weights_hash": weights_hash}
    )
    with suppress(OSError):
        if path.read_bytes() == data:
            return
    with replacing(path, path.with_suffix(".tmp")) as temporary:
        temporary.write_bytes(data)  # save_file would make a file that only its owner can read


def keep_projections(
    index_dir: Path, global_: Projection, local: Projection, weights_hash: str
) -> None:
    """Put projections into the folder of an index, unless they are there already.

    Args:
        index_dir: the folder; the file is named after the hash of the projections.
        global_: of photos as a whole.
        local: of their cells.
        weights_hash: of the backbone whose features are projected.
    """
    save_projections(
        index_dir / pca_file(hash_projections(global_, local)), global_, local, weights_hash
    )


def load_projections(path: Path) -> tuple[Projection, Projection]:
    """Read what save_projections wrote: global, local."""
    arrays = {key: value.astype(np.float32) for key, value in load_file(path).items()}
    return (
        Projection(arrays["global.mean"], arrays["global.components"]),
        Projection(arrays["local.mean"], arrays["local.components"]),
    )


def sound_projections(path: Path, pca_hash: str) -> tuple[Projection, Projection] | None:
    """The projections of a file; None if it is missing or damaged, or if they have another hash.

    Args:
        path: of a file that save_projections has written.
        pca_hash: what hash_projections is to give of them.

    Returns:
        Global and local.
    """
    with suppress(SafetensorError, OSError, KeyError):
        loaded = load_projections(path)
        return loaded if hash_projections(*loaded) == pca_hash else None
    return None


def find_projections(folder: Path, weights_hash: str) -> tuple[Projection, Projection] | None:
    """The projections in a folder that belong to the given weights; None if there are none.

    Args:
        folder: with safetensors files; others than those of save_projections may lie there, too.
        weights_hash: of a backbone, see Backbone.weights_hash.

    Returns:
        Global and local, of the first such file by name.
    """
    for path in sorted(folder.glob("*.safetensors")):
        # a damaged file is none
        with suppress(SafetensorError, OSError), safe_open(path, "np") as file:
            if (file.metadata() or {}).get("weights_hash") == weights_hash:
                return load_projections(path)
    return None


def hash_projections(*projections: Projection) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the numbers."""
    digest = hashlib.sha256()
    for projection in projections:
        digest.update(projection.mean.tobytes())
        digest.update(projection.components.tobytes())
    return digest.hexdigest()[:16]
