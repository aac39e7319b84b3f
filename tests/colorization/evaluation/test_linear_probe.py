"""The linear probe on made layers whose accuracy is known, and its command."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from colorization.cli.common import one_line_errors
from colorization.cli.evaluate import evaluate as evaluate_command
from colorization.evaluation.linear_probe import (
    SIDE,
    LabelledPhotos,
    backbone_layer,
    encoder_layer,
    probe,
    probe_all,
    read_classes,
    untrained_backbone,
)
from colorization.network.colorization_network import DEFAULT, ColorizationNetwork
from similarity.backbone.backbone import Backbone


def stripes(rng: np.random.Generator, upright: bool) -> np.ndarray:
    wave = np.sin(np.arange(96) * 2 * np.pi / 12 + rng.uniform(0, 6))
    plane = np.tile(wave, (96, 1)) * 80 + 128 + rng.normal(0, 10, (96, 96))
    return np.clip(plane if upright else plane.T, 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("lying", "upright"):
        (tmp_path / "classes" / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(stripes(rng, name == "upright")).save(
                tmp_path / "classes" / name / f"{i}.png"
            )
    return tmp_path / "classes"


def made(counts: list[int]) -> LabelledPhotos:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    luminance = labels.float()[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    return LabelledPhotos(luminance, labels, [str(i) for i in range(len(counts))], [])


def test_a_layer_that_shows_the_class_is_read_without_error() -> None:
    def layer(luminance: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(luminance[:, 0].long(), 3).permute(0, 3, 1, 2).float()

    assert probe(layer, made([8, 12, 20])) == 1.0


def test_layers_without_places_are_read_too() -> None:
    assert (
        probe(
            lambda luminance: torch.nn.functional.one_hot(luminance[:, 0, 0, 0].long(), 3).float(),
            made([8, 12, 20]),
        )
        == 1.0
    )


def test_a_layer_that_shows_nothing_gives_the_most_frequent_class() -> None:
    assert probe(
        lambda luminance: torch.ones(len(luminance), 4, 3, 3), made([8, 12, 20])
    ) == pytest.approx(20 / 40)


def test_noise_is_learned_by_heart_but_not_found_again() -> None:
    torch.manual_seed(0)
    noise = torch.randn(400, 64, 3, 3)
    shown = iter(noise.split(32))
    assert 0.3 < probe(lambda _luminance: next(shown), made([200, 200])) < 0.7


def test_folders_are_classes(folder: Path) -> None:
    (folder / "upright" / "broken.png").write_bytes(b"no picture")
    (folder / "empty").mkdir()
    photos = read_classes(folder)
    assert photos.classes == ["lying", "upright"]
    assert photos.luminance.shape == (16, 1, SIDE, SIDE)
    assert photos.labels.tolist() == [0] * 8 + [1] * 8
    assert len(photos.unreadable) == 1 and "broken.png" in photos.unreadable[0]
    assert len(read_classes(folder, 5).labels) == 10


def test_the_layers_are_those_of_the_networks(backbone: Backbone, folder: Path) -> None:
    luminance = read_classes(folder).luminance[:2]
    network = ColorizationNetwork(DEFAULT).eval()
    channels = [DEFAULT.channels(n) for n in (64, 512)]
    first, fifth = (
        encoder_layer(network, backbone, block)(luminance) for block in ("conv1", "conv5")
    )
    assert first.shape == (2, channels[0], SIDE // 2, SIDE // 2)
    assert fifth.shape == (2, channels[1], SIDE // 16, SIDE // 16)
    deep = backbone_layer(backbone, "relu5_4")(luminance)
    assert deep.shape == (2, 256, SIDE // 16, SIDE // 16)
    assert not torch.allclose(deep, backbone_layer(untrained_backbone(0), "relu5_4")(luminance))


def test_the_callers_random_numbers_stay_as_they_are(backbone: Backbone, folder: Path) -> None:
    network, photos = ColorizationNetwork(DEFAULT).eval(), read_classes(folder)
    before = torch.get_rng_state()
    found = probe_all(backbone, network, photos, "conv1", "relu1_1", seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert probe_all(backbone, network, photos, "conv1", "relu1_1", seed=3) == found


def invoke(*args: object) -> "tuple[int, str]":
    app = typer.Typer()
    app.command()(one_line_errors(evaluate_command))
    result = CliRunner().invoke(app, [str(a) for a in args])
    return result.exit_code, result.output


def test_the_command_reports_each_beside_one_that_learned_nothing(folder: Path) -> None:
    code, output = invoke("--linear-probe", folder, "--json")
    assert code == 0
    rows = json.loads(output)
    assert rows.pop("photos") == 16 and rows.pop("classes") == ["lying", "upright"]
    assert rows["vgg19-slim relu5_4"] == 1.0  # stripes this plain are told apart
    assert rows["the most frequent class"] == 0.5
    assert len(rows) == 6 and all(0 <= share <= 1 for share in rows.values())
    code, output = invoke("--linear-probe", folder, "--limit", 4)
    assert code == 0 and "8 photos of 2 classes" in output and "untrained" in output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--linear-probe", "nowhere"), "nowhere: no such folder"),
        ((".", "--linear-probe", "."), "not both"),
        ((), "give TRUTH_DIR"),
        (("--linear-probe", "{folder}", "--sheet", "x.png"), "leave out --sheet"),
        (("--linear-probe", "{folder}", "--row", "network"), "leave out --row"),
        (("--linear-probe", "{empty}"), "at least two folders"),
        (("--linear-probe", "{folder}", "--probe-block", "conv99"), "no block 'conv99'"),
        (
            ("--linear-probe", "{folder}", "--probe-layer", "relu9_1"),
            "not layers of VGG-19: relu9_1",
        ),
        (("{folder}", "--row", "netwrok"), "no row 'netwrok'"),
        (("{folder}", "--classes", "nowhere.txt"), "nowhere.txt"),
    ],
)
def test_refusals_are_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], said: str
) -> None:
    if args != ("--linear-probe", "{empty}"):  # told before any photo is read
        monkeypatch.setattr("colorization.evaluation.photo.read_picture", None)
        monkeypatch.setattr("colorization.evaluation.linear_probe.read_small_rgb", None)
    (tmp_path / "empty").mkdir()
    code, output = invoke(*(a.format(empty=tmp_path / "empty", folder=folder) for a in args))
    assert code != 0
    assert said in " ".join(output.split())
