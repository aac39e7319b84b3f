from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from similarity.training import loop as training
from similarity.training.loop import (
    LoopOptions,
    Team,
    cosine_rate,
    load_checkpoint,
    read_module,
    save_checkpoint,
    train,
)


class Run:
    """A small regression whose randomness is drawn from (seed, step), as the loop asks for."""

    def __init__(
        self, optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW, **settings: float
    ) -> None:
        torch.manual_seed(0)
        self.modules = {
            "body": nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU()),
            "head": nn.Linear(8, 1),
        }
        parameters = [p for module in self.modules.values() for p in module.parameters()]
        self.optimizer = optimizer(parameters, lr=1e-3, **settings)
        self.seen: list[int] = []
        self.stop_at: int | None = None

    def step(self, number: int) -> dict[str, Tensor]:
        if number == self.stop_at:
            raise KeyboardInterrupt
        self.seen.append(number)
        x = torch.randn(16, 3, generator=torch.Generator().manual_seed(number))
        error = (
            (self.modules["head"](self.modules["body"](x)) - x.sum(1, keepdim=True)).square().mean()
        )
        return {"loss": error, "error": error.detach()}

    def train(self, options: LoopOptions, log: Callable[[str], None] = lambda line: None) -> int:
        return train(self.step, self.modules, self.optimizer, options, log)

    def tensors(self) -> dict[str, Tensor]:
        return {
            f"{name}.{key}": value
            for name, module in self.modules.items()
            for key, value in module.state_dict().items()
        }


def options(path: Path, **changes: object) -> LoopOptions:
    return LoopOptions(
        **{
            "steps": 12,
            "checkpoint_path": path / "run.safetensors",
            "config_key": "k1",
            "warmup": 3,
            **changes,
        }
    )


# Learning rate


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.25),  # 1 / 4 of the warm-up
        (3, 1.0),  # its end
        (4, 1.0),  # the cosine begins: 1/2 (1 + cos 0)
        (9, 0.75),  # 5 of 15 steps: 1/2 (1 + cos 60 degrees)
        (14, 0.25),  # 10 of 15: 1/2 (1 + cos 120 degrees)
        (19, 0.0),
        (30, 0.0),
    ],
)
def test_rate_by_hand(tmp_path: Path, step: int, expected: float) -> None:
    assert cosine_rate(
        step, options(tmp_path, steps=19, warmup=4, learning_rate=0.5)
    ) == pytest.approx(0.5 * expected)


def test_rate_without_warmup(tmp_path: Path) -> None:
    assert cosine_rate(0, options(tmp_path, steps=10, warmup=0, learning_rate=0.1)) == 0.1


def test_steps_are_taken_at_the_rate_of_the_schedule(tmp_path: Path) -> None:
    run, chosen = Run(), options(tmp_path, learning_rate=0.01)
    rates = []
    run.optimizer.register_step_pre_hook(
        lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"])
    )
    run.train(chosen)
    assert rates == [cosine_rate(i, chosen) for i in range(12)]


# Resuming


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (torch.optim.AdamW, {"weight_decay": 0.1}),
        (torch.optim.SGD, {"momentum": 0.9}),
        (torch.optim.SGD, {}),
    ],
)
@pytest.mark.parametrize("stop_at", [1, 7, 11])
def test_an_interrupted_run_ends_as_if_never_stopped(
    tmp_path: Path, optimizer: type[torch.optim.Optimizer], settings: dict[str, float], stop_at: int
) -> None:
    (tmp_path / "whole").mkdir()
    whole, killed, resumed = (Run(optimizer, **settings) for _ in range(3))
    chosen = options(tmp_path, checkpoint_seconds=-1.0)  # after every step
    assert whole.train(options(tmp_path / "whole")) == 12
    killed.stop_at = stop_at
    with pytest.raises(KeyboardInterrupt):
        killed.train(chosen)
    with torch.no_grad():
        for module in resumed.modules.values():
            for parameter in module.parameters():
                parameter.fill_(9.0)  # all of it must come from the checkpoint
    assert resumed.train(chosen) == 12 - stop_at
    assert resumed.seen == list(range(stop_at, 12))
    for key, value in whole.tensors().items():
        assert torch.equal(value, resumed.tensors()[key]), key


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    Run().train(options(tmp_path))
    again = Run()
    assert again.train(options(tmp_path)) == 0
    assert again.seen == []


def test_a_run_beyond_the_asked_steps_does_none(tmp_path: Path) -> None:
    Run().train(options(tmp_path))
    assert Run().train(options(tmp_path, steps=5)) == 0


def test_checkpoints_wait_for_their_time(tmp_path: Path) -> None:
    run = Run()
    run.stop_at = 7
    with pytest.raises(KeyboardInterrupt):
        run.train(options(tmp_path, checkpoint_seconds=3600.0))
    assert not (tmp_path / "run.safetensors").exists()


def test_checkpoint_is_one_file_without_pickle(tmp_path: Path) -> None:
    run = Run()
    run.train(options(tmp_path / "new" / "folder"))
    assert [p.name for p in (tmp_path / "new" / "folder").iterdir()] == ["run.safetensors"]
    with safe_open(tmp_path / "new" / "folder" / "run.safetensors", "pt") as file:
        assert file.metadata() == {"step": "12", "config_key": "k1"}
        for key, value in run.tensors().items():
            assert torch.equal(file.get_tensor(key), value)


def test_a_failed_save_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, chosen = Run(), options(tmp_path)
    save_checkpoint(4, run.modules, run.optimizer, chosen)

    def disk_full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(training, "save_file", disk_full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(5, run.modules, run.optimizer, chosen)
    assert load_checkpoint(run.modules, run.optimizer, chosen) == 4


def test_a_checkpoint_of_other_modules_is_refused(tmp_path: Path) -> None:
    run, chosen = Run(), options(tmp_path)
    save_checkpoint(4, run.modules, run.optimizer, chosen)
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        load_checkpoint({**run.modules, "head": nn.Linear(8, 2)}, run.optimizer, chosen)


# Refusals


def test_other_settings_are_refused_with_both_keys(tmp_path: Path) -> None:
    Run().train(options(tmp_path, steps=2))
    with pytest.raises(
        ValueError, match=r"run\.safetensors belongs to settings k1, this run has k2"
    ):
        Run().train(options(tmp_path, config_key="k2"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(
    tmp_path: Path, value: float
) -> None:
    run = Run()

    def step(number: int) -> dict[str, Tensor]:
        losses = run.step(number)
        return {"loss": losses["loss"] * value} if number == 5 else losses

    with pytest.raises(
        FloatingPointError,
        match=rf"loss is {value} at step 5; last good checkpoint: .*run\.safetensors",
    ):
        train(
            step,
            run.modules,
            run.optimizer,
            options(tmp_path, checkpoint_seconds=-1.0),
            lambda line: None,
        )
    fresh = Run()
    assert load_checkpoint(fresh.modules, fresh.optimizer, options(tmp_path)) == 5
    assert all(torch.isfinite(value).all() for value in fresh.tensors().values())


def test_a_bad_loss_before_any_checkpoint_says_so(tmp_path: Path) -> None:
    run = Run()
    with pytest.raises(FloatingPointError, match="at step 0; no checkpoint yet"):
        train(
            lambda number: {"loss": torch.tensor(float("nan"))},
            run.modules,
            run.optimizer,
            options(tmp_path),
        )


# What it is for


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    run = Run()
    before = float(run.step(999)["error"])
    run.train(options(tmp_path, steps=150, warmup=5, learning_rate=0.03))
    assert float(run.step(999)["error"]) < before / 5


def test_log_lines(tmp_path: Path) -> None:
    lines: list[str] = []
    Run().train(options(tmp_path, log_every=5), lines.append)
    assert [line.split()[1] for line in lines] == ["5/12", "10/12"]
    assert all(" loss " in line and " error " in line for line in lines)


def test_the_rate_of_a_resumed_run_counts_the_steps_that_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    killed = Run()
    killed.stop_at = 8
    with pytest.raises(KeyboardInterrupt):
        killed.train(options(tmp_path, checkpoint_seconds=-1.0))
    seconds = iter(range(100))  # one goes by whenever the clock is looked at
    monkeypatch.setattr("similarity.training.loop.time.monotonic", lambda: float(next(seconds)))
    Run().train(options(tmp_path, log_every=10, checkpoint_seconds=1e9), lines.append)
    (line,) = lines
    assert line.startswith("step 10/12 ")
    assert 0 < float(line.split()[2]) <= 2  # two steps in a second or more, not ten


def test_what_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "network.safetensors").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"network\.safetensors: not a checkpoint"):
        read_module(tmp_path / "network.safetensors", "network")


def test_gradients_that_nobody_averages_are_averaged_over_the_team(tmp_path: Path) -> None:
    """Two processes: in one the branch is not asked for, in the other its gradient is 1."""
    shared, theirs = nn.Parameter(torch.zeros(2)), torch.ones(2)
    for has_it in (True, False):
        with torch.no_grad():
            shared.zero_()
        optimizer = torch.optim.SGD([shared], lr=1.0)

        def mean(tensor: Tensor, has_it: bool = has_it) -> Tensor:
            if tensor.ndim == 0:  # the loss
                return tensor
            return (tensor + (0 * theirs if has_it else theirs)) / 2

        def step(number: int, has_it: bool = has_it) -> dict[str, Tensor]:
            other = nn.Parameter(torch.zeros(1))
            return {"loss": other.sum() + (shared.sum() if has_it else 0.0)}

        path = tmp_path / f"{has_it}.safetensors"
        loop = LoopOptions(1, path, "key", learning_rate=1.0, warmup=1)
        train(step, {}, optimizer, loop, team=Team(True, mean), unwrapped=lambda number: [shared])
        assert shared.tolist() == [-0.5, -0.5]
