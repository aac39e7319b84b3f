"""Batches to train on: crops, what the network is told about them, and the colors it should find.

What is drawn for each sample stands in sample_plans.py. Where references lead, the colors to find
are not the true ones, but those of led_colors.py.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from colorization.network.colorization_network import (
    GRID_STRIDE,
    HINT_STRIDE,
    REFERENCE_PLANES,
    NetworkInputs,
)
from colorization.network.hints import global_hints, palette_of, point_planes
from colorization.network.input_planes import network_inputs, reference_planes, round_trip
from colorization.training.led_colors import led_colors
from colorization.training.sample_plans import KINDS, SamplePlan, SamplingOptions, draw_plan
from colorization.training.simulated_user import mean_saturation, random_points
from colorization.training.store.stored_maps import AB_STRIDE, Crops, MapStore
from similarity.backbone.backbone import Layers
from similarity.color.lab import lab_to_rgb
from similarity.matching.unit_maps import unit_maps


@dataclass(frozen=True)
class Batch:
    """Samples, as the network reads them, and what it should find.

    Attributes:
        inputs: what the network reads.
        luminance: L of the crops, 0..100, with its tones spread.
        ab: the colors to find at stride 4, raw Lab units.
        is_vivid: whose vivid colors are asked for; a frozen network judges how those look.
        kinds: number in KINDS of each.
    """

    inputs: NetworkInputs
    luminance: Float[Tensor, "batch 1 side side"]
    ab: Float[Tensor, "batch 2 cells cells"]
    is_vivid: Bool[Tensor, " batch"]
    kinds: Int[np.ndarray, " batch"]


@torch.no_grad()
def draw_batch(
    store: MapStore,
    photos: Int[np.ndarray, " batch"],
    rng: np.random.Generator,
    layers: Layers,
    options: SamplingOptions = SamplingOptions(),
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Draw a sample of each photo.

    Args:
        store: the corpus.
        photos: numbers of the targets.
        rng: the only source of randomness.
        layers: which of the encoder's maps serve what.
        options: what samples look like.
        dtype: of the maps that the network reads.
    """
    plans = [draw_plan(store, int(photo), rng, options) for photo in photos]
    targets = store.read(np.array([plan.crop for plan in plans]), dtype)
    ab = F.avg_pool2d(targets.ab, HINT_STRIDE // AB_STRIDE)
    angle, gain = (torch.tensor([getattr(p, key) for p in plans]) for key in ("angle", "gain"))
    turns = torch.tensor([plan.turns_target for plan in plans])
    ab = torch.where(turns[:, None, None, None], turned(ab, angle, gain), ab)
    planes = ab.new_zeros(len(plans), REFERENCE_PLANES, *(store.options.side // GRID_STRIDE,) * 2)
    for count in sorted({len(plan.references) for plan in plans} - {0}):
        rows = [i for i, plan in enumerate(plans) if len(plan.references) == count]
        chosen = [plans[i] for i in rows]
        planes[rows], ab[rows] = _lent(store, chosen, targets.take(rows), ab[rows], layers, dtype)
    level = F.avg_pool2d(targets.luminance, HINT_STRIDE)
    hints, vectors = [], []
    for i, plan in enumerate(plans):
        points, vector = _asked(ab[i], level[i], plan, rng, options)
        hints.append(points)
        vectors.append(vector)
    inputs = network_inputs(
        targets.maps, targets.luminance, planes, torch.stack(hints), torch.stack(vectors)
    )
    is_vivid = torch.tensor([plan.is_vivid for plan in plans])
    kinds = np.array([KINDS.index(plan.kind) for plan in plans])
    return Batch(inputs, targets.luminance, ab, is_vivid, kinds)


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device, its maps in the order that convolutions read fastest.

    Args:
        batch: samples.
        device: where they go.
    """
    inputs = batch.inputs
    maps = {
        name: values.to(device).contiguous(memory_format=torch.channels_last)
        for name, values in inputs.maps.items()
    }
    there = NetworkInputs(
        maps,
        inputs.luminance.to(device),
        inputs.references.to(device),
        inputs.hints.to(device),
        inputs.global_hints.to(device),
    )
    luminance, ab, is_vivid = (x.to(device) for x in (batch.luminance, batch.ab, batch.is_vivid))
    return Batch(there, luminance, ab, is_vivid, batch.kinds)


def turned(
    ab: Float[Tensor, "batch 2 height width"],
    angle: Float[Tensor, " batch"],
    gain: Float[Tensor, " batch"],
) -> Float[Tensor, "batch 2 height width"]:
    """Recolor: turn chroma about gray, and scale it.

    Args:
        ab: raw Lab units.
        angle: in radians.
        gain: factor.
    """
    cos, sin = ((gain * f(angle)).to(ab).view(-1, 1, 1) for f in (torch.cos, torch.sin))
    a, b = ab.unbind(1)
    return torch.stack((cos * a - sin * b, sin * a + cos * b), 1)


def _lent(
    store: MapStore,
    plans: list[SamplePlan],
    targets: Crops,
    target_ab: Float[Tensor, "some 2 cells cells"],
    layers: Layers,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """What the references of samples with equally many of them say, and the colors to find."""
    size = (store.options.side // GRID_STRIDE,) * 2
    ours = unit_maps(targets.maps, layers, size, targets.luminance)
    angle, gain = (torch.tensor([getattr(p, key) for p in plans]) for key in ("angle", "gain"))
    maps, colors = [], []
    for number in range(len(plans[0].references)):
        lent = store.read(np.array([plan.references[number] for plan in plans]), dtype)
        maps.append(unit_maps(lent.maps, layers, size, lent.luminance))
        colors.append(turned(lent.ab, angle, gain))
    said = reference_planes(ours, maps, colors, stride=GRID_STRIDE // AB_STRIDE)
    planes = said.planes
    there_and_back = [i for i, plan in enumerate(plans) if plan.kind == "round trip"]
    if there_and_back:
        back = replace(said, warped_ab=round_trip(target_ab, said)).planes
        planes[there_and_back] = back[there_and_back]
    led = torch.tensor([i for i, plan in enumerate(plans) if plan.is_led])
    if len(led):
        leading = [F.avg_pool2d(values[led], GRID_STRIDE // AB_STRIDE) for values in colors]
        found = replace(said.correlation, values=said.correlation.values[led])
        target_ab[led] = led_colors(target_ab[led], ours.take(led), found, leading)
    return planes, target_ab


def _asked(
    ab: Float[Tensor, "2 cells cells"],
    level: Float[Tensor, "1 cells cells"],
    plan: SamplePlan,
    rng: np.random.Generator,
    options: SamplingOptions,
) -> tuple[Tensor, Tensor]:
    """Point planes and the vector of global hints, as a user may give them."""
    has_points, has_palette, has_saturation = rng.random(3) < (
        options.points,
        options.palette,
        options.saturation,
    )
    points = point_planes(random_points(ab, rng, HINT_STRIDE) if has_points else [], level)
    saturation = mean_saturation(lab_to_rgb(torch.cat((level, ab)))) if has_saturation else None
    palette = palette_of(ab, stride=2) if has_palette else None
    return points, global_hints(palette, saturation, float(plan.is_vivid), plan.faithfulness)
