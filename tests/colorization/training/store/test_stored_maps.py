"""The store of maps gives back what the encoder says."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import ENCODER_MAPS
from colorization.training.store.stored_maps import MapStore, StoreOptions
from colorization.training.store.writer import crops_of
from similarity.backbone.backbone import Backbone

SMALL = StoreOptions(side=64, crops=2)


def test_what_is_read_is_what_the_encoder_says(
    store: MapStore, photo_paths: list[Path], backbone: Backbone
) -> None:
    rows = [5, 0]
    found = store.read(np.array(rows))
    labs = torch.stack([crops_of(photo_paths[row // 2], row // 2, SMALL)[row % 2] for row in rows])
    torch.testing.assert_close(found.luminance, labs[:, :1], atol=0.2, rtol=0)
    torch.testing.assert_close(found.ab, F.avg_pool2d(labs[:, 1:], 2), atol=0.51, rtol=0)
    wanted = backbone.standardised_maps(found.luminance, tuple(ENCODER_MAPS))
    for name, channels in ENCODER_MAPS.items():
        side = 64 // int(name.removeprefix("stride"))
        assert found.maps[name].shape == (2, channels, side, side)
        torch.testing.assert_close(found.maps[name], wanted[name], atol=0.02, rtol=0.01)
    halves = store.read(np.array(rows), torch.bfloat16)
    assert all(maps.dtype == torch.bfloat16 for maps in halves.maps.values())


def test_some_of_the_crops_are_taken(store: MapStore) -> None:
    some, alone = store.read(np.array([4, 2, 7])).take([2, 0]), store.read(np.array([7, 4]))
    assert torch.equal(some.luminance, alone.luminance) and torch.equal(some.ab, alone.ab)
    assert all(torch.equal(some.maps[name], maps) for name, maps in alone.maps.items())


def test_what_a_store_knows_of_its_photos(store: MapStore, backbone: Backbone) -> None:
    assert len(store) == 6
    assert store.options == SMALL
    assert store.encoder_hash == backbone.weights_hash
    assert store.prior.shape == (NUM_BINS,)
    assert float(store.prior.sum()) == pytest.approx(1, abs=1e-4)
    assert store.like.shape == (6, 5)
    assert store.like[4][0] == 5  # two views of one scene
    assert all(sorted([row, *like]) == list(range(6)) for row, like in enumerate(store.like))


@pytest.fixture
def damaged(written: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the store that a test may damage."""
    for path in written.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    yield tmp_path


def test_files_that_do_not_belong_together_are_told(damaged: Path) -> None:
    crops = damaged / "crops.bin"
    crops.write_bytes(crops.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"crops\.bin and store\.npz do not belong together"):
        MapStore(damaged)


def test_the_key_tells_stores_apart(damaged: Path, store: MapStore) -> None:
    plan = json.loads((damaged / "plan.json").read_text())
    (damaged / "plan.json").write_text(json.dumps(plan | {"photos": "others"}))
    assert MapStore(damaged).key != store.key


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"side": 100}, "side"),
        ({"side": 32}, "side"),
        ({"crops": 0}, "crops"),
        ({"cover": 0.0}, "cover"),
    ],
    ids=str,
)
def test_values_out_of_range_are_refused(wrong: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        StoreOptions(**wrong)  # type: ignore[arg-type]
