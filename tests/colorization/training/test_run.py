"""A run ends as if it had never been stopped, and refuses what does not belong to it."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from safetensors import safe_open
from tiny_network import TINY
from torch import Tensor, nn

from colorization.network.colorization_network import ColorizationNetwork, NetworkInputs
from colorization.training import run as training
from colorization.training.run import start_from, train_network
from colorization.training.run_options import RunOptions
from colorization.training.sample_plans import SamplingOptions
from colorization.training.samples import Batch
from colorization.training.store.stored_maps import MapStore
from similarity.training.loop import LoopOptions, read_module

OPTIONS = RunOptions(steps=3, batch=4, network=TINY)
CHECKPOINT = "network.safetensors"


def train(store: MapStore, output: Path, **changes: object) -> dict[str, dict[str, float]]:
    options = replace(OPTIONS, **changes)  # type: ignore[arg-type]
    return train_network(store, output, options, device="cpu", log=lambda line: None)


def kept(run: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a checkpoint."""
    with safe_open(run / CHECKPOINT, "pt") as file:
        return file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def is_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_an_interrupted_run_ends_as_if_never_stopped(
    store: MapStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(store, tmp_path / "whole")
    losses, calls = training.batch_losses, itertools.count()

    def killed_in_the_third_step(*given: object) -> dict[str, Tensor]:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return losses(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        # after every step
        patch.setattr(training, "LoopOptions", partial(LoopOptions, checkpoint_seconds=-1.0))
        patch.setattr(training, "batch_losses", killed_in_the_third_step)
        with pytest.raises(KeyboardInterrupt):
            train(store, tmp_path / "killed")
    assert kept(tmp_path / "killed")[0]["step"] == "2"
    train(store, tmp_path / "killed")
    (whole_metadata, whole), (metadata, resumed) = (
        kept(tmp_path / name) for name in ("whole", "killed")
    )
    assert metadata == whole_metadata and metadata["step"] == "3"
    assert is_same(whole, resumed)
    assert all(bool(value.isfinite().all()) for value in whole.values())


def test_the_average_follows_and_is_what_is_told(store: MapStore, tmp_path: Path) -> None:
    found = train(store, tmp_path / "run")
    assert found.keys() == {"seen", "unseen"}
    assert found["seen"] == found["unseen"]  # a small corpus is all of both
    average, network = (
        read_module(tmp_path / "run" / CHECKPOINT, name) for name in ("average", "network")
    )
    assert average.keys() == network.keys() and not is_same(average, network)


def test_a_run_learns_its_corpus(store: MapStore, tmp_path: Path) -> None:
    sampling = SamplingOptions(kinds=(1.0, 0.0, 0.0, 0.0, 0.0), points=0.0, palette=0.0)
    short = train(store, tmp_path / "short", steps=1, sampling=sampling)
    long = train(store, tmp_path / "long", steps=60, learning_rate=0.02, sampling=sampling)
    for name in ("loss", "classification"):
        assert long["seen"][name] < short["seen"][name]


def test_the_seed_decides(store: MapStore, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(store, tmp_path / name, steps=1, seed=seed)
    a, b, c = (kept(tmp_path / name)[1] for name in "abc")
    assert is_same(a, b) and not is_same(a, c)


def test_a_run_may_be_made_longer(store: MapStore, tmp_path: Path) -> None:
    train(store, tmp_path, steps=1)
    train(store, tmp_path, steps=2)
    assert kept(tmp_path)[0]["step"] == "2"
    assert json.loads((tmp_path / "settings.json").read_text())["steps"] == 2


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"learning_rate": 0.5}, {"batch": 2}, {"average": 0.5}], ids=str
)
def test_a_checkpoint_of_other_settings_is_refused_and_kept(
    store: MapStore, tmp_path: Path, change: dict[str, object]
) -> None:
    train(store, tmp_path, steps=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    key = kept(tmp_path)[0]["config_key"]
    with pytest.raises(ValueError, match=f"{CHECKPOINT} belongs to settings {key}"):
        train(store, tmp_path, steps=2, **change)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_loss_that_is_not_a_number_stops_with_its_step(
    store: MapStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, calls = training.batch_losses, itertools.count()

    def broken(*given: object) -> dict[str, Tensor]:
        found = losses(*given)  # type: ignore[arg-type]
        return found | {"loss": found["loss"] * torch.nan} if next(calls) == 1 else found

    monkeypatch.setattr(training, "batch_losses", broken)
    with pytest.raises(FloatingPointError, match=r"^loss is nan at step 1; no checkpoint yet$"):
        train(store, tmp_path / "run")
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_a_run_starts_from_another_network(store: MapStore, tmp_path: Path) -> None:
    start = ColorizationNetwork(TINY).state_dict()
    options = replace(OPTIONS, steps=1, learning_rate=0.0)
    train_network(store, tmp_path, options, start=start, device="cpu", log=lambda line: None)
    found = read_module(tmp_path / CHECKPOINT, "network")
    learned = [key for key in start if "running_" not in key and "num_batches" not in key]
    assert len(learned) > 20
    assert all(torch.equal(found[key], start[key]) for key in learned)


def test_a_start_of_another_layout_is_refused_in_one_line() -> None:
    other = ColorizationNetwork(replace(TINY, channels=(16, 12, 10)))
    with pytest.raises(ValueError, match="--weights-from: a network of another layout") as caught:
        start_from(other, ColorizationNetwork(TINY).state_dict())
    assert "\n" not in str(caught.value)


def test_vivid_answers_are_judged_from_their_share_of_the_steps(
    store: MapStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, parts = training.batch_losses, list[set[str]]()

    def noted(*given: object) -> dict[str, Tensor]:
        found = losses(*given)  # type: ignore[arg-type]
        parts.append(set(found) & {"perceptual", "discriminator"})
        return found

    monkeypatch.setattr(training, "batch_losses", noted)
    options = replace(
        OPTIONS, judged_from=0.4, sampling=SamplingOptions((1.0, 0.0, 0.0, 0.0, 0.0), vivid=1.0)
    )
    train_network(store, tmp_path, options, device="cpu", log=lambda line: None)
    assert parts[:3] == [set(), *[{"perceptual", "discriminator"}] * 2]  # 0.4 of 3 is 1.2
    assert any(key.startswith("discriminator.") for key in kept(tmp_path)[1])


def test_nothing_judges_where_no_vivid_colors_are_asked_for(
    store: MapStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "efficientnet_judge", lambda: pytest.fail("it is not needed"))
    train(store, tmp_path, steps=1, judged_from=0.0)
    assert json.loads((tmp_path / "settings.json").read_text())["judge"] is None
    assert not any(key.startswith("discriminator.") for key in kept(tmp_path)[1])


class Team(Accelerator):
    """As many processes as one likes, of which this is the first; there are no others."""

    process_index, is_main_process, device = 0, True, torch.device("cpu")
    num_processes = 1

    def __init__(self, size: int) -> None:
        self.num_processes = size

    def prepare(self, network: nn.Module) -> nn.Module:
        return network

    def reduce(self, tensor: Tensor, how: str) -> Tensor:
        return tensor


def test_a_team_averages_the_discriminator_from_when_looks_are_judged(
    store: MapStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dict[int, list[nn.Parameter]]()
    judging = list[nn.Parameter]()

    def listening(step: object, modules: dict[str, nn.Module], *given: object, **named: Any) -> int:
        found.update({number: named["unwrapped"](number) for number in range(3)})
        judging[:] = modules["discriminator"].parameters()
        return 0

    monkeypatch.setattr(training, "run_loop", listening)
    for team_size in (1, 2):
        monkeypatch.setattr(training, "accelerator_of", lambda device, size=team_size: Team(size))
        # of 3 steps is 1.2
        options = replace(OPTIONS, judged_from=0.4, sampling=SamplingOptions(vivid=0.5))
        train_network(store, tmp_path, options, device="cpu")
        assert judging and found[0] == []
        for number in (1, 2):
            wanted = judging if team_size == 2 else []
            assert [id(p) for p in found[number]] == [id(p) for p in wanted]


def told_by(inputs: NetworkInputs) -> list[bool]:
    """Whether references, points and global hints say anything."""
    given = (inputs.references, inputs.hints, inputs.global_hints)
    return [bool(values.any()) for values in given]


def test_the_network_is_told_nothing_of_photos_when_it_is_checked(
    store: MapStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, asked = training.batch_losses, list[NetworkInputs]()

    def noted(network: nn.Module, batch: Batch, *given: Any) -> dict[str, Tensor]:
        asked.append(batch.inputs)
        return losses(network, batch, *given)

    monkeypatch.setattr(training, "batch_losses", noted)
    everything = SamplingOptions(points=1.0, palette=1.0, saturation=1.0, vivid=1.0)
    train(store, tmp_path, steps=1, sampling=everything)
    trained, *checked = asked
    assert len(checked) == 2
    assert all(told_by(trained))
    assert not any(told for inputs in checked for told in told_by(inputs))


@pytest.mark.parametrize("count", [1, 3])
def test_a_corpus_of_few_photos(
    make_store: Callable[..., MapStore],
    pictures: dict[str, np.ndarray],
    tmp_path: Path,
    count: int,
) -> None:
    names = ("chelsea", "coffee", "retina")
    found = train(make_store([pictures[name] for name in names[:count]]), tmp_path / "run", steps=2)
    assert all(np.isfinite(value) for value in found["seen"].values())
