"""Branches beside the convolutions of a VGG while it learns, which cost nothing afterwards.

Sixteen convolutions one after the other learn slowly. Beside a 1x1 convolution and the identity
they learn faster, and all three are one 3x3 convolution in the end (Ding et al. 2021, "RepVGG:
Making VGG-style ConvNets great again").
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from similarity.backbone.vgg19 import VGG19


class BranchedConv(nn.Module):
    """A 3x3 convolution, a 1x1 one and the identity, each with its batch norm, added up.

    Args:
        conv: the 3x3 convolution.
        norm: its batch norm.
        scale: of what is added to it at first; at 0 the function stays what it was.
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, scale: float = 1.0) -> None:
        super().__init__()
        channels, filters = conv.in_channels, conv.out_channels
        self.conv, self.norm = conv, norm
        self.point, self.point_norm = (
            nn.Conv2d(channels, filters, 1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.identity_norm = nn.BatchNorm2d(filters) if channels == filters else None
        for added in (self.point_norm, self.identity_norm):
            if added is not None:
                nn.init.constant_(added.weight, scale)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch filters height width"]:
        """The sum of the branches."""
        total: Tensor = self.norm(self.conv(x)) + self.point_norm(self.point(x))
        return total if self.identity_norm is None else total + self.identity_norm(x)

    @torch.no_grad()
    def merged(self) -> tuple[Float[Tensor, "filters channels 3 3"], Float[Tensor, " filters"]]:
        """Weight and bias of the one convolution that does the same as what was learned."""
        parts = [
            _fused(self.conv.weight, self.conv.bias, self.norm),
            _fused(_widened(self.point.weight), None, self.point_norm),
        ]
        if self.identity_norm is not None:
            identity = torch.eye(self.conv.out_channels).to(self.conv.weight)[..., None, None]
            parts.append(_fused(_widened(identity), None, self.identity_norm))
        weights, biases = zip(*parts, strict=True)
        return torch.stack(weights).sum(0), torch.stack(biases).sum(0)


def branch(network: VGG19, scale: float = 1.0) -> VGG19:
    """Give each convolution of a network with batch norm its branches, in place.

    Args:
        network: convolutions without a batch norm right behind them stay as they are.
        scale: see BranchedConv; 0 for a network that has learned already.

    Returns:
        The same network.
    """
    layers = network.features
    for i, (module, after) in enumerate(pairwise(layers)):
        if isinstance(module, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
            layers[i], layers[i + 1] = BranchedConv(module, after, scale), nn.Identity()
    return network


@torch.no_grad()
def merge(network: VGG19) -> VGG19:
    """A network without branches that does the same; its batch norms change nothing."""
    plain = VGG19(network.config).eval()
    state = {f"classifier.{key}": value for key, value in network.classifier.state_dict().items()}
    for i, module in enumerate(network.features):
        if isinstance(module, BranchedConv):
            norm = nn.BatchNorm2d(module.conv.out_channels)
            nn.init.constant_(norm.weight, math.sqrt(1.0 + norm.eps))
            weight, bias = module.merged()
            state |= {f"features.{i}.weight": weight, f"features.{i}.bias": bias}
            state |= {f"features.{i + 1}.{key}": value for key, value in norm.state_dict().items()}
    plain.load_state_dict(state)
    return plain


@torch.no_grad()
def take_statistics(network: VGG19, picture: Float[Tensor, "batch channels height width"]) -> None:
    """Let batch norms hold the statistics of some pictures, and keep the function.

    Args:
        network: with batch norms that may change nothing, such as merge gives them.
        picture: normalised luminance of some pictures.
    """

    def take(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3), correction=0)
        assert norm.running_mean is not None and norm.running_var is not None
        slope = norm.weight / (norm.running_var + norm.eps).sqrt()
        norm.bias.add_(slope * (mean - norm.running_mean))
        norm.weight.copy_(slope * (variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    hooks = [
        module.register_forward_pre_hook(take)
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    was_training = network.training
    network.eval()(picture, ("pool5",))
    network.train(was_training)
    for hook in hooks:
        hook.remove()


def _fused(weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None and norm.running_var is not None
    return fuse_conv_bn_weights(
        weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )


def _widened(weight: Tensor) -> Tensor:
    """A 1x1 convolution as a 3x3 one."""
    return F.pad(weight, (1, 1, 1, 1))
