import pytest
import torch
import torch.nn.functional as F

from similarity.backbone import precision
from similarity.backbone.precision import autocast, inference, usable_device

CPU = torch.device("cpu")


@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: fast)
    with autocast(CPU):
        assert F.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)).dtype == (
            torch.bfloat16 if fast else torch.float32
        )
    assert not torch.is_autocast_enabled("cpu")


def test_inference_takes_no_gradients() -> None:
    weight = torch.ones(2, requires_grad=True)
    with inference():
        assert torch.is_inference_mode_enabled()
        assert not (weight * 2).requires_grad
    assert not torch.is_inference_mode_enabled()
    assert (weight * 2).requires_grad


def test_inference_ignores_the_autocast_of_the_program_around() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        with inference():
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_inference_ignores_the_default_device_of_the_program_around() -> None:
    with torch.device("meta"):
        with inference():
            assert torch.ones(1).device == CPU
        assert torch.ones(1).is_meta


def test_what_inference_raises_comes_out() -> None:
    with pytest.raises(KeyError, match="lost"), inference():
        raise KeyError("lost")
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("device", ["cpu", CPU])
def test_usable_device(device: torch.device | str) -> None:
    assert usable_device(device) == CPU


def test_an_unknown_device_is_told_without_all_that_torch_knows() -> None:
    with pytest.raises(
        ValueError, match=r"device gpu cannot be used here \(it is none of cpu, cuda,"
    ):
        usable_device("gpu")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AssertionError("Torch not compiled with CUDA enabled"), "install torch without"),
        (RuntimeError("Could not run 'aten::empty' with arguments"), "has none"),
    ],
)
def test_why_a_device_cannot_be_used_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch, "empty", failing)
    with pytest.raises(ValueError, match=told):
        usable_device("mps")


@pytest.mark.parametrize("device", ["cuda:99", "no such device"])
def test_a_device_that_is_not_there(device: str) -> None:
    with pytest.raises(ValueError, match=rf"device {device} cannot be used here \(") as caught:
        precision.usable_device(device)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith('); "cpu" works everywhere')


@pytest.mark.parametrize(
    ("limit", "fast"),
    [("AVX2", False), ("avx512_core", False), ("AVX512_CORE_AMX", True), ("", True)],
)
def test_onednn_s_own_limit_counts(monkeypatch: pytest.MonkeyPatch, limit: str, fast: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    with autocast(CPU):
        assert torch.is_autocast_enabled("cpu") == fast
