"""scripts/train from an index to weights that the package loads, in this process and at a tiny size."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import h5py
import pytest
import torch
from click.testing import Result
from colorization.training.packed_corpus import Pack
from safetensors import safe_open
from torch import Tensor
from typer.testing import CliRunner

from colorization.network.pretrained import STEM, load_network
from colorization.training.samples import CHROMINANCE, PERCEPTUAL
from colorization.training.two_branch_step import LossOptions
from similarity.backbone.backbone import Backbone
from similarity.backbone.weight_files import load_bundled
from similarity.training.loop import LoopOptions, read_module

SCRIPT = Path(__file__).parent.parent / "scripts" / "train"
JUDGE = """
import torch
from torch import nn


class Judge(nn.Module):
    def forward(self, rgb):
        return {"coarse": nn.functional.avg_pool2d(rgb, 8), "fine": nn.functional.avg_pool2d(rgb, 2)}
"""
Command = Callable[..., Result]


@pytest.fixture
def script() -> ModuleType:
    """The script as a module; running it as one leaves no compiled file beside it."""
    module = ModuleType("train")
    exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), module.__dict__)
    return module


@pytest.fixture
def command(script: ModuleType) -> Command:
    """``command("run", ...)``: the result, whatever it is."""
    return lambda *words: CliRunner().invoke(script.app, [str(w) for w in words])


@pytest.fixture(scope="module")
def photos(index_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight packed photos."""
    module = ModuleType("train")
    exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), module.__dict__)
    out = tmp_path_factory.mktemp("pack") / "photos.h5"
    result = CliRunner().invoke(
        module.app, ["pack", "--index", str(index_dir), "--out", str(out)], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == f"{out}: {out.stat().st_size / 1e6:.1f} MB, 8 photos"
    return out


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    (tmp_path / "judge.py").write_text(JUDGE)
    return tmp_path / "judge.py"


@pytest.fixture
def train(command: Command, photos: Path, judge: Path) -> Command:
    """``train(run, steps, ...)``: a tiny network on tiny crops; later options win."""
    small = ("--width", 0.05, "--batch", 4, "--side", 64, "--perceptual-from", 0.5)
    return lambda run, steps, *more: command(
        "run", photos, "--perceptual", judge, "--output", run, "--steps", steps, *small, *more
    )


def kept(run: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a checkpoint."""
    with safe_open(run / "network.safetensors", "pt") as file:
        return file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def is_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[key]) for key, value in one.items()
    )


def complaint(result: Result) -> str:
    """What a failed command says, on the terminal or as an exception."""
    assert result.exit_code != 0
    return f"{result.output}{result.exception}"


# The way from photos to weights


def test_an_interrupted_run_ends_as_if_never_stopped(
    train: Command, script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(tmp_path / "whole", 3).exit_code == 0
    losses = script.batch_losses
    calls = iter(range(9))

    def killed_in_the_third_step(*given: object) -> dict[str, Tensor]:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return losses(*given)  # type: ignore[no-any-return]

    with monkeypatch.context() as patch:
        # after every step
        patch.setattr(script, "LoopOptions", partial(LoopOptions, checkpoint_seconds=-1.0))
        patch.setattr(script, "batch_losses", killed_in_the_third_step)
        assert train(tmp_path / "killed", 3).exit_code != 0
    assert kept(tmp_path / "killed")[0]["step"] == "2"
    assert train(tmp_path / "killed", 3).exit_code == 0
    (whole_metadata, whole), (metadata, resumed) = (
        kept(tmp_path / "whole"),
        kept(tmp_path / "killed"),
    )
    assert metadata == whole_metadata and metadata["step"] == "3"
    assert is_same(whole, resumed)
    assert all(bool(value.isfinite().all()) for value in whole.values())


def test_exported_weights_are_loaded_by_the_package(
    train: Command, command: Command, tmp_path: Path, backbone: Backbone
) -> None:
    run, out = tmp_path / "run", tmp_path / "weights"
    assert train(run, 1).exit_code == 0
    result = command("export", "--run", run, "--out", out)
    assert (result.exit_code, result.output) == (0, f"exported 1 shards to {out}\n")
    assert sorted(p.name for p in out.iterdir()) == ["rechroma-1-of-1.safetensors", "rechroma.json"]
    network = load_network(backbone, out)
    assert network.config.width == 0.05
    trained = {
        key.removeprefix("network."): value
        for key, value in kept(run)[1].items()
        if key.startswith("network.")
    }
    assert is_same(
        network.state_dict(), {k: v.half().float() if v.ndim > 1 else v for k, v in trained.items()}
    )


def test_a_run_starts_from_the_network_of_another(train: Command, tmp_path: Path) -> None:
    assert train(tmp_path / "first", 1, "--seed", 5).exit_code == 0
    still = ("--learning-rate", 0, "--weights-from", tmp_path / "first" / "network.safetensors")
    assert train(tmp_path / "second", 1, *still).exit_code == 0
    first, second = (
        read_module(tmp_path / name / "network.safetensors", "network")
        for name in ("first", "second")
    )
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    weights = [key for key in first if not key.endswith(statistics)]
    assert len(weights) > 40
    assert all(torch.equal(first[key], second[key]) for key in weights)
    assert not is_same(first, second)  # batch norm has seen other photos


def test_a_run_starts_from_exported_weights(
    train: Command, command: Command, tmp_path: Path
) -> None:
    first, weights = tmp_path / "first", tmp_path / "weights"
    assert train(first, 1, "--seed", 5).exit_code == 0
    assert command("export", "--run", first, "--out", weights).exit_code == 0
    assert (
        train(tmp_path / "second", 1, "--learning-rate", 0, "--weights-from", weights).exit_code
        == 0
    )
    shipped, kept_on = (
        load_bundled(STEM, weights),
        read_module(tmp_path / "second" / "network.safetensors", "network"),
    )
    learned = [
        key
        for key in kept_on
        if not key.endswith(("running_mean", "running_var", "num_batches_tracked"))
    ]
    assert len(learned) > 40
    assert all(torch.equal(shipped[key].float(), kept_on[key]) for key in learned)
    (weights / "rechroma-1-of-1.safetensors").unlink()
    assert isinstance(
        train(tmp_path / "third", 1, "--weights-from", weights).exception, FileNotFoundError
    )
    assert not (tmp_path / "third").exists()


def test_the_mean_of_a_run_and_of_what_it_began_from(
    train: Command, command: Command, tmp_path: Path
) -> None:
    begun, run, out = tmp_path / "begun", tmp_path / "run", tmp_path / "weights"
    assert train(begun, 1, "--seed", 5).exit_code == 0
    start = begun / "network.safetensors"
    assert train(run, 1, "--weights-from", start).exit_code == 0
    assert command("export", "--run", run, "--out", out, "--mean-with", start).exit_code == 0
    one, other = read_module(start, "network"), read_module(run / "network.safetensors", "network")
    found = load_bundled(STEM, out)
    for key in ("conv1.0.weight", "conv7.6.running_var", "bins.bias"):
        assert not torch.equal(one[key], other[key])
        torch.testing.assert_close(
            found[key].float(), (one[key] + other[key]) / 2, atol=1e-3, rtol=1e-3
        )
    assert train(tmp_path / "wider", 1, "--width", 0.1).exit_code == 0
    result = command("export", "--run", tmp_path / "wider", "--out", out, "--mean-with", start)
    assert isinstance(result.exception, ValueError) and "another layout" in str(result.exception)
    assert load_bundled(STEM, out).keys() == found.keys()


def test_a_start_of_another_layout_is_refused_in_one_line(train: Command, tmp_path: Path) -> None:
    assert train(tmp_path / "first", 1).exit_code == 0
    result = train(
        tmp_path / "second",
        1,
        "--width",
        0.1,
        "--weights-from",
        tmp_path / "first" / "network.safetensors",
    )
    assert isinstance(result.exception, ValueError)
    assert str(result.exception).startswith(
        "--weights-from: a network of another layout"
    ) and "\n" not in str(result.exception)
    assert not (tmp_path / "second").exists()


def test_a_run_may_be_made_longer(train: Command, tmp_path: Path) -> None:
    assert train(tmp_path / "run", 1).exit_code == 0
    assert train(tmp_path / "run", 2).exit_code == 0
    assert kept(tmp_path / "run")[0]["step"] == "2"
    assert json.loads((tmp_path / "run" / "settings.json").read_text())["steps"] == 2


def test_the_seed_decides(train: Command, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert train(tmp_path / name, 1, "--seed", seed).exit_code == 0
    a, b, c = (kept(tmp_path / name)[1] for name in "abc")
    assert is_same(a, b) and not is_same(a, c)


def test_each_step_draws_one_of_several_sides_for_all_processes(script: ModuleType) -> None:
    drawn = [script.side_of(step, (64, 128, 192), 0) for step in range(60)]
    assert drawn == [script.side_of(step, (64, 128, 192), 0) for step in range(60)]
    assert drawn != [script.side_of(step, (64, 128, 192), 1) for step in range(60)]
    assert all(drawn.count(side) > 10 for side in (64, 128, 192))


def test_crops_have_the_drawn_side(
    train: Command, script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, drawn = script.draw, []

    def noted(*given: object) -> object:
        sample = draw(*given)
        drawn.append(sample.lab.shape[-1])
        return sample

    monkeypatch.setattr(script, "draw", noted)
    assert train(tmp_path / "run", 4, "--side", 64, "--side", 96).exit_code == 0
    sides = [script.side_of(step, (64, 64, 96), 0) for step in range(4)]  # one 64 is of the fixture
    assert len(set(sides)) == 2
    assert drawn == [side for side in sides for _ in range(4)]


def test_sides_that_do_not_fit_the_networks_are_refused(train: Command, tmp_path: Path) -> None:
    assert "--side 100 is no multiple of 16 from 64" in complaint(
        train(tmp_path / "run", 1, "--side", 100)
    )
    assert "--side 48 is no multiple of 16 from 64" in complaint(
        train(tmp_path / "run", 1, "--side", 48)
    )
    assert not (tmp_path / "run").exists()


def test_without_perceptual_loss_and_without_backbone_features(
    command: Command,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: ModuleType,
) -> None:
    monkeypatch.setattr(script, "load_judge", lambda path: pytest.fail("no judge is needed"))
    small = ("--steps", 1, "--width", 0.05, "--batch", 2, "--side", 64)
    result = command(
        "run",
        photos,
        "--output",
        tmp_path / "run",
        *small,
        "--perceptual-from",
        1,
        "--no-backbone-features",
    )
    assert result.exit_code == 0, complaint(result)
    assert not [key for key in kept(tmp_path / "run")[1] if "adapters" in key]


# What is trained on


def test_an_epoch_shows_each_photo_once_but_those_held_out(
    train: Command, script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, drawn = script.draw, []

    def noted(corpus: Pack, row: int, rng: object, branch: str, *more: object) -> object:
        drawn.append((row, branch))
        return draw(corpus, row, rng, branch, *more)

    monkeypatch.setattr(script, "draw", noted)
    monkeypatch.setattr(script, "HELD_OUT", 4)  # of eight photos, the first and the fifth
    assert train(tmp_path / "run", 3).exit_code == 0
    rows = [row for row, _ in drawn]
    # three batches of four; a further one may have been prepared
    assert sorted(rows[:6]) == sorted(rows[6:12]) == [1, 2, 3, 5, 6, 7]
    assert rows[:6] != rows[6:12]
    assert [branch for _, branch in drawn[:12]] == [CHROMINANCE, PERCEPTUAL] * 6


def test_the_perceptual_loss_begins_at_its_share_of_the_steps(
    train: Command, script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, weights = script.batch_losses, []

    def noted(*given: object) -> dict[str, Tensor]:
        weights.append(next(x for x in given if isinstance(x, LossOptions)).perceptual)
        return losses(*given)  # type: ignore[no-any-return]

    monkeypatch.setattr(script, "batch_losses", noted)
    assert train(tmp_path / "run", 3, "--perceptual-from", 0.4, "--batch", 2).exit_code == 0
    assert weights == [0.0, 0.0, LossOptions().perceptual]  # 0.4 of 3 steps are 1.2


# Refusals


def test_a_loss_that_is_not_a_number_stops_with_its_step(
    train: Command, judge: Path, tmp_path: Path
) -> None:
    judge.write_text(JUDGE.replace("rgb, 2)", "rgb, 2) / 0 * 0"))
    result = train(tmp_path / "run", 2, "--batch", 8)  # the judge is asked from the second step on
    assert "loss is nan at step 1; no checkpoint yet" in complaint(result)
    assert not (tmp_path / "run" / "network.safetensors").exists()


@pytest.mark.parametrize("change", [("--seed", 1), ("--width", 0.1), ("--learning-rate", 0.5)])
def test_a_checkpoint_of_other_settings_is_refused_and_kept(
    train: Command, tmp_path: Path, change: tuple[str, object]
) -> None:
    assert train(tmp_path / "run", 1, "--batch", 2).exit_code == 0
    before = (tmp_path / "run" / "network.safetensors").read_bytes()
    result = train(tmp_path / "run", 2, "--batch", 2, *change)
    said = complaint(result)
    assert (
        f"{tmp_path / 'run' / 'network.safetensors'} belongs to settings {kept(tmp_path / 'run')[0]['config_key']}"
        in said
    )
    assert (tmp_path / "run" / "network.safetensors").read_bytes() == before


def test_a_refused_run_leaves_the_settings_of_the_checkpoint(
    train: Command, command: Command, tmp_path: Path, backbone: Backbone
) -> None:
    assert train(tmp_path / "run", 1, "--batch", 2).exit_code == 0
    assert train(tmp_path / "run", 1, "--batch", 2, "--width", 0.1).exit_code != 0
    assert (
        command("export", "--run", tmp_path / "run", "--out", tmp_path / "weights").exit_code == 0
    )
    assert load_network(backbone, tmp_path / "weights").config.width == 0.05


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps", "gpu"])
def test_a_device_that_has_no_effect_is_refused(
    train: Command, tmp_path: Path, device: str
) -> None:
    said = str(train(tmp_path / "run", 1, "--device", device).exception)
    assert said.startswith(f"--device {device}: give cpu, or nothing") and "\n" not in said
    assert not (tmp_path / "run").exists()


def test_accelerate_finds_what_the_machine_has(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine with MPS, but no CUDA."""
    asked: list[bool] = []

    def found(cpu: bool) -> SimpleNamespace:
        asked.append(cpu)
        return SimpleNamespace(num_processes=1, device="cpu" if cpu else "mps")

    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(script, "Accelerator", found)
    for has_accelerator, device, cpu in (
        (True, None, False),
        (True, "cpu", True),
        (False, None, True),
        (False, "cpu", True),
    ):
        monkeypatch.setattr(torch.accelerator, "is_available", lambda has=has_accelerator: has)
        script.accelerator_of(device)
        assert asked.pop() == cpu
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        ValueError,
        match=r"^2 processes cannot train together on cpu; start one, or give --device cpu$",
    ):
        script.accelerator_of("cpu")


def test_missing_photos_are_named(train: Command, command: Command, tmp_path: Path) -> None:
    for result in (
        command("run", tmp_path / "nowhere.h5", "--output", tmp_path / "run"),
        command("pack", "--index", tmp_path / "nowhere", "--out", tmp_path / "photos.h5"),
    ):
        assert "nowhere" in complaint(result)
    assert list(tmp_path.glob("*.h5")) == []


def test_a_budget_too_small_is_refused(command: Command, index_dir: Path, tmp_path: Path) -> None:
    result = command(
        "pack", "--index", index_dir, "--out", tmp_path / "photos.h5", "--budget-mb", 0.01
    )
    assert "8 photos need" in complaint(result) and "the budget is 0.0 MB" in complaint(result)
    assert not (tmp_path / "photos.h5").exists()


def test_a_budget_is_kept(command: Command, index_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "photos.h5"
    assert command("pack", "--index", index_dir, "--out", out, "--budget-mb", 0.11).exit_code == 0
    assert out.stat().st_size <= 110_000
    with h5py.File(out) as file:
        assert file.attrs["quality"] < 92
