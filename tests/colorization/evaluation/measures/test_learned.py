"""LPIPS and Inception are optional. That they are absent is told.

With a network of random weights they are taken.
"""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from colorization.evaluation.measures.learned import (
    MeasureUnavailableError,
    load_inception,
    load_lpips,
)
from similarity.backbone.torchvision_import import import_torchvision


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.mark.parametrize("load", [load_lpips, load_inception])
def test_without_torchmetrics_the_reason_is_one_line(monkeypatch: pytest.MonkeyPatch, load) -> None:  # type: ignore[no-untyped-def]
    for name in (
        "torchmetrics",
        "torchmetrics.image",
        "torchmetrics.image.lpip",
        "torchmetrics.image.fid",
    ):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        MeasureUnavailableError,
        match=r"^torchmetrics is not installed \(pip install -e .\.\[evaluate\].\)$",
    ):
        load()


def test_without_torch_fidelity_there_is_no_fid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", SimpleNamespace())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(MeasureUnavailableError, match="torch-fidelity is not installed"):
        load_inception()


def test_weights_that_are_not_here_are_named_and_not_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", SimpleNamespace())  # type: ignore[arg-type]
    with pytest.raises(
        MeasureUnavailableError,
        match=r"AlexNet's weights are not on this machine: download https://.*alexnet",
    ):
        load_lpips()
    assert list(tmp_path.iterdir()) == []


def test_inception_gets_the_picture_as_bytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    """A network of our own in its place: channels first, 0..255, one embedding a picture."""
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "inception.pth").write_bytes(b"")
    settings = {}

    class Network(nn.Module):
        def __init__(self, **given: object) -> None:
            super().__init__()
            settings.update(given)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.dtype == torch.uint8
            return x.float().mean((2, 3))

    url = "https://example.org/v1/inception.pth"
    fidelity = SimpleNamespace(URL_INCEPTION_V3=url)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", fidelity)  # type: ignore[arg-type]
    monkeypatch.setitem(
        sys.modules, "torchmetrics.image.fid", SimpleNamespace(NoTrainInceptionV3=Network)
    )  # type: ignore[arg-type]
    rgb = pictures["coffee"]
    assert load_inception()(rgb) == pytest.approx(rgb.mean((0, 1)), rel=1e-4)
    assert settings == {
        "name": "inception-v3-compat",
        "features_list": ["2048"],
        "antialias": False,
    }


def test_lpips_is_zero_for_equal_pictures_and_grows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    """Torchmetrics' own LPIPS on an AlexNet of random weights."""
    pytest.importorskip("torchmetrics")
    import_torchvision()
    models = importlib.import_module("torchvision.models")
    features = models.alexnet(weights=None).features
    name = models.AlexNet_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[-1]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / name).write_bytes(b"")
    monkeypatch.setattr(models, "alexnet", lambda weights=None: SimpleNamespace(features=features))
    lpips = load_lpips()
    truth = pictures["chelsea"]
    near, far = (
        np.clip(truth + np.random.default_rng(0).normal(0, s, truth.shape), 0, 255).astype(np.uint8)
        for s in (5, 60)
    )
    assert lpips(truth, truth) == pytest.approx(0.0, abs=1e-6)
    assert 0 < lpips(truth, near) < lpips(truth, far)
    assert lpips(truth, near) == pytest.approx(lpips(truth, near))
    assert np.isnan(lpips(truth[:40], truth[:40]))
