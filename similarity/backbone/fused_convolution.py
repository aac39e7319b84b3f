"""A convolution with what follows it, in one step where a CPU computes frozen weights.

Torch runs convolution, batch norm, sum and activation one after the other, and each of them reads
and writes maps that are larger than the caches; of a light network they take as long as the
convolutions. oneDNN, which computes the convolutions anyway, does all of it while a value is at
hand. Batch norm is folded into the weights, in the precision of autocast, once.

In which order oneDNN reads weights best depends on the shape of the input. Weights as torch has
them are reordered in every call, which takes little of it; in the order for another shape, many
times as long as the convolution itself. So they are kept in order for the first few shapes that
come more than once, and as they are for all others.
"""

import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Literal
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Activation = Literal["none", "relu", "relu6"]
# how oneDNN calls each activation, and its bounds
_ONEDNN: dict[Activation, tuple[str, list[float]]] = {
    "none": ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}
_Where = tuple[list[int], list[int], list[int], int]  # padding, stride, dilation, groups
_Shape = tuple[int, ...]  # of an input, and the number of threads
KEPT_SHAPES = 3  # for which weights are kept in order, each time a copy of them


@dataclass(frozen=True)
class _Folded:
    """Weight and bias of a convolution in one precision, batch norm folded in.

    Attributes:
        sources: what they were made from.
        weight: as torch has it.
        bias: of the outputs.
        met: shapes that came.
        ordered: the weight as oneDNN reads it best, for some shapes.
    """

    sources: list[tuple[int, int]]
    weight: Tensor
    bias: Tensor
    met: set[_Shape] = field(default_factory=set)
    ordered: dict[_Shape, Tensor] = field(default_factory=dict)

    def weight_for(self, x: Tensor, where: _Where) -> Tensor:
        """The weight, in order for an input if such inputs have come before."""
        shape = (*x.shape, torch.get_num_threads())
        found = self.ordered.get(shape)
        if found is None and len(self.ordered) < KEPT_SHAPES:
            with _ordering:
                self._order(shape, x, where)
            found = self.ordered.get(shape)
        return self.weight if found is None else found

    def _order(self, shape: _Shape, x: Tensor, where: _Where) -> None:
        """Order the weight for a shape that has come before; remember one that has not."""
        if shape not in self.met:
            self.met.add(shape)
        elif shape not in self.ordered and len(self.ordered) < KEPT_SHAPES:
            order = torch.ops.mkldnn._reorder_convolution_weight
            self.ordered[shape] = order(self.weight, *where, list(x.shape))


_ordering = threading.Lock()  # of all threads that compute at a time, one orders
_folded: WeakKeyDictionary[nn.Conv2d, dict[torch.dtype, _Folded]] = WeakKeyDictionary()


def convolve(
    conv: nn.Conv2d,
    x: Float[Tensor, "batch channels height width"],
    activation: Activation = "none",
    norm: nn.BatchNorm2d | None = None,
    add: Float[Tensor, "batch _channels _height _width"] | None = None,
) -> Float[Tensor, "batch _channels _height _width"]:
    """Convolve, normalise, add and activate, in this order.

    Args:
        conv: the convolution.
        x: what it reads.
        activation: the last step.
        norm: batch norm of its outputs.
        add: what is added to them, of their shape.

    Returns:
        Maps; in the precision of autocast where that is on.
    """
    if _is_fusable(conv, x, norm):
        return _fused(conv, x, activation, norm, add)
    out = F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)
    out = out if norm is None else norm(out)
    out = out if add is None else out + add
    if activation == "none":
        return out
    return F.relu6(out, inplace=True) if activation == "relu6" else F.relu(out, inplace=True)


def _is_fusable(conv: nn.Conv2d, x: Tensor, norm: nn.BatchNorm2d | None) -> bool:
    weight = conv.weight
    frozen = not (weight.requires_grad or x.requires_grad or (norm is not None and norm.training))
    # what traces a network, as the export to ONNX does, is shown torch's own operators
    traced = torch.compiler.is_compiling()
    on_cpu = x.device.type == "cpu" and weight.device.type == "cpu"
    known = on_cpu and _has_onednn() and weight.dtype == torch.float32
    return known and frozen and not traced and _dtype(x) in (torch.float32, torch.bfloat16)


@cache
def _has_onednn() -> bool:
    return hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def _dtype(x: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _fused(
    conv: nn.Conv2d,
    x: Tensor,
    activation: Activation,
    norm: nn.BatchNorm2d | None,
    add: Tensor | None,
) -> Tensor:
    dtype = _dtype(x)
    x = x.to(dtype, memory_format=torch.channels_last)
    own = conv.padding if isinstance(conv.padding, tuple) else (0, 0)
    where = [*own], [*conv.stride], [*conv.dilation], conv.groups
    folded = _fold(conv, norm, dtype)
    weight, bias = folded.weight_for(x, where), folded.bias
    name, bounds = _ONEDNN[activation]
    op = torch.ops.mkldnn._convolution_pointwise
    if add is None:
        alone: Tensor = op(x, weight, bias, *where, name, bounds, "")
        return alone
    add = add.to(dtype, memory_format=torch.channels_last)
    last = "relu" if activation == "relu" else None  # the only one that it knows after a sum
    both: Tensor = op(x, add, weight, bias, *where, "add", 1.0, last, [], None)
    return F.relu6(both, inplace=True) if activation == "relu6" else both


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d | None, dtype: torch.dtype) -> _Folded:
    """Fold batch norm in, once until the weights change."""
    tensors = (conv.weight, conv.bias, *(() if norm is None else _of_norm(norm)))
    sources = [(one.data_ptr(), _version(one)) for one in tensors if one is not None]
    known = _folded.setdefault(conv, {})
    found = known.get(dtype)
    if found is None or found.sources != sources:
        weight = conv.weight.detach()
        bias = weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.detach()
        if norm is not None:
            gain, shift, mean, variance = (one.detach() for one in _of_norm(norm))
            scale = gain / (variance + norm.eps).sqrt()
            weight, bias = weight * scale.view(-1, 1, 1, 1), shift + (bias - mean) * scale
        found = known[dtype] = _Folded(sources, weight.to(dtype).contiguous(), bias.to(dtype))
    return found


def _of_norm(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    return norm.weight, norm.bias, mean, variance


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version
