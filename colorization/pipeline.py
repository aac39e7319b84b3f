"""One object behind the command line and Python: it holds models and index, never a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from colorization.bundled import load_network
from colorization.hints import Point, palette_of
from colorization.network import ColorizationNetwork
from colorization.options import ColorizeOptions
from colorization.predict import PREDICT_LAYERS, Chroma, Guidance, network_chroma, predict
from colorization.suggest import Suggestion, suggestions
from colorization.transfer import MATCH_LAYERS, transfer
from colorization.upsampling import apply_coefficients, guided_coefficients
from colorization.working import as_rgb, luminance_rows, mean_chroma, read_reference, working_lab
from retrieval.descriptors import Extractor, glance
from retrieval.index import MIN_CHROMA, PhotoIndex, Recommendation
from retrieval.pictures import PictureError, to_uint8
from similarity.backbone import DEFAULT_BACKBONE, Backbone, load_backbone
from similarity.lab import lab_to_rgb

STRIP_PIXELS = 1 << 18  # fits the processor's cache
UPSAMPLING_RADIUS = 1  # working pixels


@dataclass(frozen=True)
class Colorized:
    """A colorized picture.

    Attributes:
        rgb: at the input's size and depth.
        warped_ab: the references' colors at half the working size, raw Lab units; zeros without references.
        confidence: trust in them on the same grid, 0..1.
        references: the recommended references, best first; empty if they were given.
        influence: share of each reference in the result.
        skipped: one line for each recommended reference that could not be read.
    """

    rgb: np.ndarray
    warped_ab: Float[np.ndarray, "2 height width"]
    confidence: Float[np.ndarray, "height width"]
    references: list[Recommendation] = field(default_factory=list)
    influence: list[float] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class ColorizationPipeline:
    """Recommend references for gray photographs and colorize from them.

    One instance serves many requests; nothing of a picture is kept between calls.
    """

    def __init__(self, backbone: Backbone, index: PhotoIndex | None = None, network: ColorizationNetwork | None = None) -> None:
        self.backbone, self.index, self.network = backbone, index, network
        self._extractor: Extractor | None = index.extractor(backbone) if index else None

    @classmethod
    def load(
        cls,
        index_dir: Path | str | None = None,
        device: torch.device | str = "cpu",
        backbone: str = DEFAULT_BACKBONE,
        weights_path: Path | None = None,
    ) -> "ColorizationPipeline":
        """Load the networks, and an index if references are to be recommended.

        The colorization network was trained on vgg19-slim; with ``vgg19`` the training-free method is used.

        Args:
            index_dir: folder of an index that build-index made.
            device: ``cpu``, ``cuda``, ...
            backbone: ``vgg19-slim`` or ``vgg19``.
            weights_path: weights of ``vgg19``, see load_backbone.

        Raises:
            FileNotFoundError, ValueError: see load_backbone and PhotoIndex.open.
        """
        index = PhotoIndex.open(Path(index_dir)) if index_dir is not None else None
        features = load_backbone(backbone, weights_path, device)
        return cls(features, index, load_network(features) if backbone == DEFAULT_BACKBONE else None)

    def recommend(self, gray: np.ndarray, top_k: int = 5, same_class: bool = False) -> list[Recommendation]:
        """Rank the index's photos as references for a picture.

        Args:
            gray: (height, width) or (height, width, 3); uint8, uint16 or float 0..1. Colors are ignored.
            top_k: how many.
            same_class: only photos of the picture's ImageNet class, where there are any.

        Raises:
            ValueError: the pipeline was loaded without an index, or the picture's shape or type is wrong.
        """
        if self.index is None or self._extractor is None:
            raise ValueError("recommending references needs an index: ColorizationPipeline.load(index_dir=...)")
        query = glance(to_uint8(as_rgb(gray)))
        return self.index.recommend(query, self._extractor, top_k, same_class)

    def colorize(
        self,
        gray: np.ndarray,
        references: Sequence[np.ndarray] | None = None,
        options: ColorizeOptions = ColorizeOptions(),
        points: Sequence[Point] = (),
        palette: np.ndarray | None = None,
    ) -> Colorized:
        """Colorize a picture: from references given or recommended, or with none at all, and as points and palette say.

        Args:
            gray: see recommend; its luminance is kept exactly, colors it may have are replaced.
            references: color pictures, (height, width, 3); none in the list colors automatically; None takes
                ``options.top_k`` from the index, or none if there is no index.
            options: see ColorizeOptions.
            points: colors that the picture should have at places.
            palette: a color picture whose colors the result should have.

        Raises:
            ValueError: a reference or palette without color, a wrong shape or type, a point outside the picture, or
                something that only the network can do and it is not there.
        """
        target = as_rgb(gray, "target")
        network = self._network(options)
        recommended: list[Recommendation] = []
        skipped: list[str] = []
        scores: list[float] | None = None
        if references is None and self.index is not None:
            recommended, references, skipped = self._recommended(target, options)
            scores = [r.score for r in recommended]
        labs = [working_lab(as_rgb(r, "reference"), options.working_side) for r in references or []]
        if network is None and (not labs or points or palette is not None):
            raise ValueError("without the network, colorizing needs at least one reference and takes no points or palette")
        for i, lab in enumerate(labs, 1):
            if mean_chroma(lab) < MIN_CHROMA and scores is None:
                raise ValueError(f"reference {i} of {len(labs)} is gray: it has no colors to lend")
        small = working_lab(target, options.working_side)[:, :1]
        with torch.inference_mode():
            chroma = self._chroma(network, small, labs, scores, _guidance(points, palette, options), options)
            rgb = self._render(target, small, chroma.ab * options.saturation, options)
        warped_ab, confidence = chroma.warped_ab.cpu().numpy(), chroma.confidence[0].cpu().numpy()
        return Colorized(rgb, warped_ab, confidence, recommended, chroma.influence, skipped)

    def suggest_colors(
        self, gray: np.ndarray, x: float, y: float, count: int = 9, options: ColorizeOptions = ColorizeOptions()
    ) -> list[Suggestion]:
        """Suggest colors for a place of a picture, the most likely first.

        Args:
            gray: see recommend.
            x: 0..1 from the left to the right edge.
            y: 0..1 from the upper to the lower edge.
            count: how many at most.
            options: see ColorizeOptions.

        Raises:
            ValueError: the place is outside the picture, count is not positive, or there is no network.
        """
        network = self._network(options)
        if network is None or not network.config.num_bins:
            raise ValueError("suggesting colors needs the colorization network with its color bins")
        place = Point(x, y, (0.0, 0.0))
        small = working_lab(as_rgb(gray, "target"), options.working_side)[:, :1].to(self.backbone.device)
        with torch.inference_mode():
            prediction = predict(network, small, self.backbone(small, PREDICT_LAYERS), None, Guidance(), options)
        return suggestions(prediction, small[0], place, count)

    def _network(self, options: ColorizeOptions) -> ColorizationNetwork | None:
        if options.method == "network" and self.network is None:
            raise ValueError(f"the colorization network was trained on {DEFAULT_BACKBONE}, not on {self.backbone.name}")
        return None if options.method == "training-free" else self.network

    def _recommended(
        self, target: np.ndarray, options: ColorizeOptions
    ) -> tuple[list[Recommendation], list[np.ndarray], list[str]]:
        """The best references that can still be read."""
        used, pictures, skipped = [], [], []
        for candidate in self.recommend(target, options.top_k * 2, options.same_class):
            try:
                pictures.append(read_reference(candidate.path))
                used.append(candidate)
            except PictureError as error:
                skipped.append(str(error))
            if len(used) == options.top_k:
                break
        if not used:
            where = self.index.index_dir if self.index else ""
            raise ValueError(
                f"{where}: none of the recommended photos can be read; the first: {skipped[0]}; have the photos moved?"
                if skipped
                else f"{where}: the index holds no color photo to recommend"
            )
        return used, pictures, skipped

    def _chroma(
        self,
        network: ColorizationNetwork | None,
        small: Tensor,
        labs: list[Tensor],
        scores: list[float] | None,
        guidance: Guidance,
        options: ColorizeOptions,
    ) -> Chroma:
        device = self.backbone.device
        luminance, reference_ab = small.to(device), [lab[0, 1:].to(device) for lab in labs]
        layers = PREDICT_LAYERS if network else MATCH_LAYERS
        target = self.backbone(luminance, layers)
        references = [self.backbone(lab[:, :1], layers) for lab in labs]
        if network is not None:
            return network_chroma(network, luminance, target, references, reference_ab, scores, guidance, options)
        found = transfer(target, references, luminance[0], reference_ab, scores, options)
        return Chroma(found.warped_ab * found.confidence, found.warped_ab, found.confidence, found.influence)

    def _render(
        self, target: np.ndarray, small: Tensor, half_ab: Tensor, options: ColorizeOptions
    ) -> UInt8[np.ndarray, "height width 3"] | np.ndarray:
        """Upsample the chroma along edges and join it with the target's own luminance, strip by strip."""
        size = small.shape[-2:]
        values = F.interpolate(half_ab[None].float().cpu(), size=size, mode="bilinear", align_corners=False)[0]
        slope, offset = guided_coefficients(small[0], values, torch.ones_like(small[0]), UPSAMPLING_RADIUS, options.edge_epsilon)
        top = 65535 if target.dtype == np.uint16 else 255
        height, width, _ = target.shape
        rgb = np.empty_like(target)
        step = max(1, STRIP_PIXELS // width)
        for start in range(0, height, step):
            rows = slice(start, min(height, start + step))
            luminance = luminance_rows(target, rows)
            ab = apply_coefficients(luminance, slope, offset, rows, height)
            strip = lab_to_rgb(torch.cat((luminance, ab)))
            rgb[rows] = strip.mul(top).round_().permute(1, 2, 0).to(torch.int32).numpy().astype(target.dtype)
        return rgb


def _guidance(points: Sequence[Point], palette: np.ndarray | None, options: ColorizeOptions) -> Guidance:
    if palette is None:
        return Guidance(points)
    lab = working_lab(as_rgb(palette, "palette"), options.working_side)
    if mean_chroma(lab) < MIN_CHROMA:
        raise ValueError("the palette picture is gray: it has no colors to lend")
    return Guidance(points, palette_of(lab[0, 1:]))
