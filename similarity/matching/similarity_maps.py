"""The paper's ten similarity maps: how well each target position matches, at five levels, there and back.

Level l compares relu{l}_1 features with the cosine d:
    forward   sim_TR(p) = d(F_T(p), F_R(phi_TR(p)))
    backward  sim_RT(p) = d(F_T(phi_RT(phi_TR(p))), F_R(phi_TR(p)))

Feature maps are sampled bilinearly at the centres of the positions. The released code samples at (x
+ s/2)/s for stride s, which is up to a cell off the centre; our network is trained on these maps,
so that is not copied.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from similarity.matching.correlation import PointMap, compose
from similarity.matching.warp import warp_hard

SIMILARITY_LAYERS = ("relu5_1", "relu4_1", "relu3_1", "relu2_1", "relu1_1")


def similarity_maps(
    target: Mapping[str, Float[Tensor, "1 _channels _height _width"]],
    references: Sequence[Mapping[str, Float[Tensor, "1 _channels _height _width"]]],
    target_to_reference: PointMap,
    reference_to_target: Sequence[PointMap],
) -> Float[Tensor, "10 height width"]:
    """Compute sim_TR at the five levels, coarse to fine, then sim_RT likewise, on the grid of target_to_reference.

    Args:
        target: features of the target by layer name, all of SIMILARITY_LAYERS.
        references: the same of each reference.
        target_to_reference: phi_TR.
        reference_to_target: phi_RT, one a reference.

    Returns:
        Cosines, -1..1 (0..1 on features after ReLU).

    Source: He et al. 2018, section 3.1.
    """
    height, width = target_to_reference.picture.shape
    there_and_back = compose(target_to_reference, reference_to_target)
    here = _identity(height, width, target_to_reference.xy)
    forward, backward = [], []
    for layer in SIMILARITY_LAYERS:
        in_target = [target[layer][0]]
        partner = warp_hard([features[layer][0] for features in references], target_to_reference)
        forward.append(F.cosine_similarity(warp_hard(in_target, here), partner, dim=0))
        backward.append(F.cosine_similarity(warp_hard(in_target, there_and_back), partner, dim=0))
    return torch.stack(forward + backward)


def _identity(height: int, width: int, like: Tensor) -> PointMap:
    y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) * 2 / height - 1
    x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) * 2 / width - 1
    xy = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    return PointMap(torch.zeros(height, width, dtype=torch.long, device=like.device), xy)
