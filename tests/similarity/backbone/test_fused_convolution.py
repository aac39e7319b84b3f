"""The fused convolution against torch's own operators, one after the other."""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from similarity.backbone import fused_convolution as module
from similarity.backbone.fused_convolution import Activation, convolve

X = (2, 8, 9, 12)


def made(groups: int = 1, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    conv = nn.Conv2d(8, 8, 3, stride, 1, groups=groups, bias=bias)
    return conv.requires_grad_(False)


def made_norm() -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(8).requires_grad_(False).eval()
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        assert tensor is not None
        tensor.uniform_(0.5, 2.0)
    return norm


def plain(
    conv: nn.Conv2d, x: Tensor, activation: Activation, norm: nn.Module | None, add: Tensor | None
) -> Tensor:
    out = conv(x)
    out = norm(out) if norm else out
    out = out if add is None else out + add
    ways: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "relu6": F.relu6}
    return ways[activation](out) if activation in ways else out


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is computed by oneDNN in one step."""
    calls: list[object] = []
    own = module._fused

    def counted(*args: Any) -> Tensor:
        calls.append(args[0])
        return own(*args)

    monkeypatch.setattr(module, "_fused", counted)
    return calls


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("with_norm", [False, True])
@pytest.mark.parametrize("with_sum", [False, True])
@pytest.mark.parametrize(("groups", "bias"), [(1, False), (1, True), (8, True)])
def test_one_step_equals_several(
    activation: Activation,
    with_norm: bool,
    with_sum: bool,
    groups: int,
    bias: bool,
    fused: list[object],
) -> None:
    conv, norm = made(groups, bias=bias), made_norm() if with_norm else None
    x, add = 5 * torch.randn(X), 5 * torch.randn(X) if with_sum else None
    before = x.clone()
    wanted = plain(conv, x, activation, norm, add)
    torch.testing.assert_close(
        convolve(conv, x, activation, norm, add), wanted, rtol=1e-5, atol=1e-5
    )
    assert fused == [conv] and torch.equal(x, before)


def test_other_strides(fused: list[object]) -> None:
    conv, x = made(stride=2), torch.randn(X)
    wanted = F.conv2d(x, conv.weight, conv.bias, 2, conv.padding)
    torch.testing.assert_close(convolve(conv, x), wanted, rtol=1e-5, atol=1e-5)
    assert fused == [conv]


def test_what_is_to_be_trained_is_computed_by_torch(fused: list[object]) -> None:
    x, norm = torch.randn(X), made_norm()
    conv = made().requires_grad_(True)
    convolve(conv, x, "relu").sum().backward()
    assert conv.weight.grad is not None
    convolve(made(), x, norm=copy.deepcopy(norm).train())
    leaf = x.clone().requires_grad_(True)
    convolve(made(), leaf).sum().backward()
    assert leaf.grad is not None and not fused


def test_weights_that_change_count(fused: list[object]) -> None:
    conv, norm, x = made(), made_norm(), torch.randn(X)
    convolve(conv, x, norm=norm)
    conv.load_state_dict(made().state_dict())
    torch.testing.assert_close(convolve(conv, x, norm=norm), norm(conv(x)), rtol=1e-5, atol=1e-5)
    norm.load_state_dict(made_norm().state_dict())
    torch.testing.assert_close(convolve(conv, x, norm=norm), norm(conv(x)), rtol=1e-5, atol=1e-5)
    assert len(fused) == 3


def test_pictures_of_any_size_have_weights_that_suit_them(fused: list[object]) -> None:
    conv = made()
    sizes = [(1, 8, 32, 32), (3, 8, 7, 5), (1, 8, 1, 1), (2, 8, 6, 6), (1, 8, 8, 8)]
    kept = module._folded.setdefault(conv, {})
    for count, times in enumerate((1, 2, 3)):
        for size in sizes:
            x = torch.randn(size)
            torch.testing.assert_close(convolve(conv, x), conv(x), rtol=1e-5, atol=1e-5)
        ordered = kept[torch.float32].ordered
        # in order only for what has come before, and never for more than a few
        assert [shape[:4] for shape in ordered] == (sizes[: module.KEPT_SHAPES] if count else [])
        assert len(fused) == times * len(sizes)


def test_weights_in_order_for_one_number_of_threads_do_not_serve_another() -> None:
    conv, x, before = made(), torch.randn(1, 8, 16, 16), torch.get_num_threads()
    try:
        for count in (1, 1, 2, 2):
            torch.set_num_threads(count)
            torch.testing.assert_close(convolve(conv, x), conv(x), rtol=1e-5, atol=1e-5)
        shapes = list(module._folded[conv][torch.float32].ordered)
    finally:
        torch.set_num_threads(before)
    assert shapes == [(1, 8, 16, 16, 1), (1, 8, 16, 16, 2)]


def test_threads_together_keep_no_more_weights_than_one() -> None:
    conv = made()
    inputs = [torch.randn(1, 8, 8 + n, 8) for n in range(8)]
    wanted = [conv(x) for x in inputs]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for found, right in zip(pool.map(partial(convolve, conv), inputs), wanted, strict=True):
                torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-5)
    assert len(module._folded[conv][torch.float32].ordered) <= module.KEPT_SHAPES


def test_autocast_chooses_the_precision() -> None:
    conv, x = made(), torch.randn(X)
    with torch.autocast("cpu", torch.bfloat16):
        found = convolve(conv, x, "relu6")
    assert found.dtype == torch.bfloat16
    assert (found.float() - F.relu6(conv(x))).abs().max() < 0.05


def test_the_copy_of_weights_goes_with_the_convolution() -> None:
    conv = made()
    convolve(conv, torch.randn(X))
    assert conv in module._folded and set(vars(copy.deepcopy(conv))) == set(vars(conv))
    count = len(module._folded)
    del conv
    assert len(module._folded) < count


def test_an_export_is_shown_torch_s_own_operators() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = made()

        def forward(self, x: Tensor) -> Tensor:
            return convolve(self.conv, x, "relu")

    program = torch.export.export(Network(), (torch.randn(X),))
    names = {str(node.target) for node in program.graph.nodes}
    assert "aten.conv2d.default" in names and not any("mkldnn" in name for name in names)
