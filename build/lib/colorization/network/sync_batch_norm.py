"""Batch norm whose batch is that of all processes, so that several train as one would."""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn


class SyncBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm2d over the batches of all processes that train together, on any device.

    Torch's SyncBatchNorm does the same on GPUs only. Each process must hold as many samples as the
    others. Alone, or outside training, this is BatchNorm2d.
    """

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Normalise; in training, update the running statistics with those of the whole batch."""
        if not (
            self.training
            and dist.is_available()
            and dist.is_initialized()
            and dist.get_world_size() > 1
        ):
            return super().forward(x)
        team, full = dist.get_world_size(), x.float()
        moments = torch.stack((full.mean((0, 2, 3)), full.square().mean((0, 2, 3))))
        sums: Tensor = _Sum.apply(moments)  # type: ignore[no-untyped-call]
        mean, square = sums / team
        variance = (square - mean.square()).clamp(min=0.0)
        if (
            self.running_mean is not None
            and self.running_var is not None
            and self.momentum is not None
        ):
            count = team * x.numel() // x.shape[1]
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * count / max(1, count - 1), self.momentum)
                if self.num_batches_tracked is not None:
                    self.num_batches_tracked += 1
        shape = (1, -1, 1, 1)
        normal: Tensor = (full - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(x.dtype)


class _Sum(torch.autograd.Function):
    """Sum over the processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total
