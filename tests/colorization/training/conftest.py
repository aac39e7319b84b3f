"""What the tests of the training share: a few photos, and a store of their maps."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorization.network.color_bins import NUM_BINS
from colorization.training.sample_plans import KINDS, SamplingOptions
from colorization.training.samples import Batch, draw_batch
from colorization.training.store.stored_maps import MapStore, StoreOptions
from colorization.training.store.writer import write_store
from similarity.backbone.backbone import EFFICIENTNET_LAYERS, Backbone

NAMES = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle_left", "motorcycle_right")
SMALL = StoreOptions(side=64, crops=2)


@pytest.fixture(autouse=True)
def _in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers on every processor."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


@pytest.fixture(scope="session")
def photo_paths(
    tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, np.ndarray]
) -> list[Path]:
    """Six photographs; the last two are views of one scene."""
    folder = tmp_path_factory.mktemp("corpus")
    paths = [folder / f"{number}-{name}.png" for number, name in enumerate(NAMES)]
    for path, name in zip(paths, NAMES, strict=True):
        Image.fromarray(pictures[name]).save(path)
    return paths


@pytest.fixture(scope="session")
def written(
    tmp_path_factory: pytest.TempPathFactory, photo_paths: list[Path], backbone: Backbone
) -> Path:
    """The folder of a finished store of ``photo_paths``. Treat as read-only."""
    folder = tmp_path_factory.mktemp("store") / "maps"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        list(write_store(photo_paths, folder, backbone, SMALL))
    return folder


@pytest.fixture(scope="session")
def store(written: Path) -> MapStore:
    return MapStore(written)


@pytest.fixture
def make_store(tmp_path: Path, backbone: Backbone) -> Callable[..., MapStore]:
    """``make_store(pictures)``: a store of pictures, two small crops of each."""

    def make(pictures: Sequence[np.ndarray]) -> MapStore:
        paths = [tmp_path / f"{number}.png" for number in range(len(pictures))]
        for path, rgb in zip(paths, pictures, strict=True):
            Image.fromarray(rgb).save(path)
        list(write_store(paths, tmp_path / "maps", backbone, SMALL))
        found = MapStore(tmp_path / "maps")
        assert found.prior.shape == (NUM_BINS,)
        return found

    return make


@pytest.fixture(scope="session")
def only() -> Callable[..., SamplingOptions]:
    """``only(kind, ...)``: samples of one kind that are told and recolored nothing else."""
    plain = SamplingOptions(
        recolored=(0.0,) * 5,
        led=0.0,
        led_recolored=0.0,
        faithful=0.0,
        points=0.0,
        palette=0.0,
        saturation=0.0,
    )

    def choose(kind: str, **changes: object) -> SamplingOptions:
        shares = tuple(float(name == kind) for name in KINDS)
        return replace(plain, kinds=shares, **changes)  # type: ignore[arg-type]

    return choose


@pytest.fixture(scope="session")
def draw() -> Callable[..., Batch]:
    """``draw(store, options, photos, seed)``: a batch, of all photos unless told otherwise."""

    def make(
        store: MapStore,
        options: SamplingOptions = SamplingOptions(),
        photos: Sequence[int] | None = None,
        seed: int = 0,
    ) -> Batch:
        rows = np.arange(len(store)) if photos is None else np.array(photos)
        return draw_batch(store, rows, np.random.default_rng(seed), EFFICIENTNET_LAYERS, options)

    return make
