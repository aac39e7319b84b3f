import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from retrieval.extraction.pca import (
    WEIGHTS_DIR,
    Projection,
    find_projections,
    fit_projection,
    hash_projections,
    keep_projections,
    load_projections,
    save_projections,
    sound_projections,
)


def correlated(rng: np.random.Generator, samples: int, features: int = 6) -> np.ndarray:
    """Samples whose variances fall off, away from the origin and not along the axes."""
    rotation = np.linalg.qr(rng.standard_normal((features, features)))[0]
    return (rng.standard_normal((samples, features)) * 2.0 ** -np.arange(features)) @ rotation + 5.0


def random_projection(
    rng: np.random.Generator, dimensions: int = 3, features: int = 5
) -> Projection:
    return Projection(
        *(
            rng.standard_normal(size).astype(np.float32)
            for size in (features, (dimensions, features))
        )
    )


def test_apply_by_hand() -> None:
    projection = Projection(np.float32([1, 1, 0]), np.float32([[1, 0, 0], [0, 2, 0]]))
    # (4, 3, 9) - mean = (3, 2, 9), projected (3, 4), length 5
    np.testing.assert_allclose(projection.apply(np.float32([4, 3, 9])), [0.6, 0.8], atol=1e-6)
    # the mean itself has no direction, and is no NaN
    assert projection.apply(np.float32([1, 1, 7])).tolist() == [0, 0]


def test_apply_gives_unit_vectors_of_any_batch_shape(rng: np.random.Generator) -> None:
    projection, features = random_projection(rng), rng.standard_normal((4, 7, 5))
    found = projection.apply(features)
    assert found.shape == (4, 7, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(projection.apply(features[2, 3]), found[2, 3], atol=1e-6)


@pytest.mark.parametrize("samples", [4, 6, 7, 200])  # fewer, as many and more samples than features
def test_fit_equals_singular_vectors(rng: np.random.Generator, samples: int) -> None:
    features = correlated(rng, samples)
    projection = fit_projection(features, 3)
    centred = features - features.mean(0)
    expected = np.linalg.svd(centred, full_matrices=False)[2][:3]
    np.testing.assert_allclose(projection.mean, features.mean(0), rtol=1e-5)
    # signs are free
    np.testing.assert_allclose(np.abs((projection.components * expected).sum(1)), 1, atol=1e-4)
    np.testing.assert_allclose(
        projection.components @ projection.components.T, np.eye(3), atol=1e-5
    )
    variances = (centred @ projection.components.T).var(0)
    assert (np.diff(variances) < 0).all()


def test_fit_finds_the_line(rng: np.random.Generator) -> None:
    features = rng.standard_normal((50, 1)) * [3.0, 4.0] + [7.0, -2.0]
    first, second = fit_projection(features, 2).components
    np.testing.assert_allclose(np.abs(first), [0.6, 0.8], atol=1e-6)
    assert not second.any()  # beyond the rank


@pytest.mark.parametrize("samples", [2, 3, 40])
def test_dimensions_beyond_the_rank_are_zero(rng: np.random.Generator, samples: int) -> None:
    features = (
        rng.standard_normal((samples, 5))
        if samples < 5
        else rng.standard_normal((samples, 2)) @ rng.standard_normal((2, 5))
    )
    rank = samples - 1 if samples < 5 else 2
    projection = fit_projection(features, 8)
    assert projection.components.shape == (8, 5)
    assert np.abs(projection.components[:rank]).sum(1).min() > 0.5
    assert not projection.components[rank:].any()
    assert np.isfinite(projection.apply(features)).all()


def test_one_sample_keeps_leading_coordinates() -> None:
    projection = fit_projection(np.array([[3.0, 4.0, 12.0]]), 2)
    np.testing.assert_allclose(projection.apply(np.array([3.0, 4.0, 12.0])), [0.6, 0.8], atol=1e-6)


def test_fit_needs_samples() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        fit_projection(np.empty((0, 5)), 3)


# Files


def test_round_trip_by_the_hash_of_the_weights(tmp_path: Path, rng: np.random.Generator) -> None:
    saved = {}
    for name, weights_hash in (("a", "1" * 16), ("b", "2" * 16)):
        saved[weights_hash] = random_projection(rng), random_projection(rng, 2, 9)
        save_projections(tmp_path / f"{name}.safetensors", *saved[weights_hash], weights_hash)
    save_file({"x": np.ones(2, np.float32)}, tmp_path / "0-other.safetensors")  # without metadata
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "0-other.safetensors",
        "a.safetensors",
        "b.safetensors",
    ]
    for weights_hash, projections in saved.items():
        found = find_projections(tmp_path, weights_hash)
        for ours, theirs in zip(found, projections, strict=True):
            np.testing.assert_array_equal(ours.mean, theirs.mean)
            np.testing.assert_array_equal(ours.components, theirs.components)
    assert find_projections(tmp_path, "3" * 16) is None


def test_projections_of_an_index_are_written_once(tmp_path: Path, rng: np.random.Generator) -> None:
    both = random_projection(rng), random_projection(rng, 2, 9)
    keep_projections(tmp_path, *both, "1" * 16)
    [path] = tmp_path.iterdir()
    assert path.name == f"pca-{hash_projections(*both)}.safetensors"
    data = path.read_bytes()
    os.utime(path, (1, 1))
    keep_projections(tmp_path, *both, "1" * 16)
    assert path.stat().st_mtime == 1
    path.write_bytes(data[:-1])
    keep_projections(tmp_path, *both, "1" * 16)
    assert path.read_bytes() == data


def test_half_precision_files_are_widened(tmp_path: Path, rng: np.random.Generator) -> None:
    arrays = {
        f"{part}.mean": rng.standard_normal(3).astype(np.float16) for part in ("global", "local")
    }
    arrays |= {
        f"{part}.components": rng.standard_normal((2, 3)).astype(np.float16)
        for part in ("global", "local")
    }
    save_file(arrays, tmp_path / "half.safetensors")
    for projection in load_projections(tmp_path / "half.safetensors"):
        assert projection.components.dtype == projection.mean.dtype == np.float32


def test_hash_by_hand_and_what_it_sees(rng: np.random.Generator) -> None:
    a, b = random_projection(rng), random_projection(rng)
    digest = hashlib.sha256(
        b"".join(x.tobytes() for x in (a.mean, a.components, b.mean, b.components))
    )
    assert hash_projections(a, b) == digest.hexdigest()[:16]
    moved = Projection(a.mean, a.components.copy())
    moved.components[0, 0] += 1e-3
    assert (
        len(
            {
                hash_projections(a, b),
                hash_projections(b, a),
                hash_projections(moved, b),
                hash_projections(a),
            }
        )
        == 4
    )


def test_bundled_projections_are_orthogonal() -> None:
    sizes = {"efficientnet-lite0": (320, 320), "vgg19-slim": (1024, 256)}
    files = sorted(WEIGHTS_DIR.glob("*.safetensors"))
    assert files
    for path in files:
        global_, local = load_projections(path)
        whole, cell = sizes[path.stem.removesuffix("-pca")]
        assert (global_.components.shape, local.components.shape) == ((128, whole), (64, cell))
        for projection in (global_, local):
            gram = projection.components @ projection.components.T
            off = gram - np.diag(np.diag(gram))
            assert np.abs(off).max() < 1e-2 * np.diag(gram).max()
            assert np.diag(gram).min() > 0


def test_projections_count_only_with_their_hash(tmp_path: Path, rng: np.random.Generator) -> None:
    both, path = (random_projection(rng), random_projection(rng, 2, 9)), tmp_path / "a.safetensors"
    wanted = hash_projections(*both)
    assert sound_projections(path, wanted) is None
    save_projections(path, *both, "1" * 16)
    np.testing.assert_array_equal(sound_projections(path, wanted)[0].components, both[0].components)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert sound_projections(path, wanted) is None
    path.write_bytes(b"text")
    assert sound_projections(path, wanted) is None
