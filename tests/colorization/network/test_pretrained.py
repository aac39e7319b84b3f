import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import (
    ENCODER_MAPS,
    ColorizationNetwork,
    NetworkConfig,
    NetworkInputs,
)
from colorization.network.hints import GLOBAL_SIZE
from colorization.network.pretrained import STEM, load_network
from similarity.backbone.backbone import Backbone
from similarity.backbone.weight_files import write_bundled

TINY = NetworkConfig(channels=(16, 12, 8), blocks=(1, 1, 1))


def trained(config: NetworkConfig) -> ColorizationNetwork:
    """A network whose batch norm has seen something."""
    network = ColorizationNetwork(config).train()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
                module.num_batches_tracked.fill_(123_456)
    return network


def written(folder: Path, network: ColorizationNetwork, encoder_hash: str) -> Path:
    """Weights as ``scripts/train export`` leaves them."""
    write_bundled(STEM, network.state_dict(), folder)
    prior = [0.5 * 2.0**-i for i in range(NUM_BINS)]
    layout = {"network": asdict(network.config), "encoder": encoder_hash, "prior": prior}
    (folder / f"{STEM}.json").write_text(json.dumps(layout))
    return folder


@pytest.fixture
def folder(tmp_path: Path, backbone: Backbone) -> Path:
    return written(tmp_path, trained(TINY), backbone.weights_hash)


@pytest.mark.parametrize(
    "config",
    [TINY, NetworkConfig((8, 8, 4), (0, 2, 1), dropout=0.0)],
    ids=["tiny", "another layout"],
)
def test_round_trip(tmp_path: Path, backbone: Backbone, config: NetworkConfig) -> None:
    network = trained(config)
    found = load_network(backbone, written(tmp_path, network, backbone.weights_hash))
    assert found.config == config
    assert float(found.prior[1]) == 0.25
    assert not found.training and not any(p.requires_grad for p in found.parameters())
    for key, value in network.state_dict().items():
        # batch norm and biases stay exact
        expected = value.half().to(value.dtype) if value.ndim > 1 else value
        assert torch.equal(found.state_dict()[key], expected), key
        assert found.state_dict()[key].dtype == value.dtype


def test_answers_are_nearly_those_before_the_export(
    folder: Path, tmp_path: Path, backbone: Backbone
) -> None:
    network = trained(TINY)
    found = load_network(backbone, written(tmp_path, network, backbone.weights_hash))
    maps = {
        name: torch.randn(2, count, 64 // int(name[6:]), 32 // int(name[6:]))
        for name, count in ENCODER_MAPS.items()
    }
    planes = (torch.randn(2, 1, 32, 16), torch.randn(2, 17, 8, 4), torch.randn(2, 3, 16, 8))
    inputs = NetworkInputs(maps, *planes, torch.rand(2, GLOBAL_SIZE))
    with torch.inference_mode():
        before, after = network.eval()(inputs), found(inputs)
    torch.testing.assert_close(after.ab, before.ab, atol=0.5, rtol=0)
    torch.testing.assert_close(after.logits, before.logits, atol=0.05, rtol=0)


def test_the_default_network_is_written_in_small_files(tmp_path: Path) -> None:
    shards = write_bundled(STEM, ColorizationNetwork().state_dict(), tmp_path)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == shards > 1
    assert max(sizes) < 4_000_000


def test_another_encoder_is_refused_with_both_hashes(tmp_path: Path, backbone: Backbone) -> None:
    folder = written(tmp_path, trained(TINY), "0123456789abcdef")
    with pytest.raises(
        ValueError,
        match="trained on encoder weights 0123456789abcdef, not on efficientnet-lite0"
        f" {backbone.weights_hash}",
    ):
        load_network(backbone, folder)


def test_missing_layout(folder: Path, backbone: Backbone) -> None:
    (folder / f"{STEM}.json").unlink()
    with pytest.raises(
        FileNotFoundError, match=rf"{STEM}\.json: the colorization weights are missing; reinstall"
    ):
        load_network(backbone, folder)


def test_missing_shard(folder: Path, backbone: Backbone) -> None:
    next(folder.glob("*.safetensors")).unlink()
    with pytest.raises(FileNotFoundError, match=f"the weights {STEM} are incomplete; reinstall"):
        load_network(backbone, folder)


@pytest.mark.parametrize(
    "change",
    [{"channels": [16, 12, 12]}, {"blocks": [1, 1, 2]}, {"blocks": [1, 0, 1]}],
)
def test_weights_of_another_layout_name_what_differs(
    folder: Path, backbone: Backbone, change: dict[str, object]
) -> None:
    layout = json.loads((folder / f"{STEM}.json").read_text())
    layout["network"] |= change
    (folder / f"{STEM}.json").write_text(json.dumps(layout))
    with pytest.raises(ValueError, match="weights of another layout") as caught:
        load_network(backbone, folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_damaged_layout_is_told(folder: Path, backbone: Backbone) -> None:
    path = folder / f"{STEM}.json"
    layout = json.loads(path.read_text())
    for damaged in (
        "{",
        "[]",
        json.dumps({**layout, "prior": [0.5]}),
        json.dumps({**layout, "prior": [["0.5"]]}),
        json.dumps({**layout, "network": {"width": 0.375}}),  # of another version
        json.dumps({"encoder": backbone.weights_hash}),
    ):
        path.write_text(damaged)
        with pytest.raises(ValueError, match=rf"{STEM}\.json: damaged"):
            load_network(backbone, folder)


def test_the_bundled_network_looks_through_the_default_encoder(backbone: Backbone) -> None:
    network = load_network(backbone)
    assert network.config == NetworkConfig()
    assert float(network.prior.sum()) == pytest.approx(1, abs=0.01)
