"""Color the frames of a scene so that colors stay: from references and from colored frames."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_transfer import transferred_colors
from colorization.inference.exact_matches import FINE_STRIDE
from colorization.inference.matching import match_references
from colorization.inference.network_colors import Guidance, belief_of
from colorization.inference.photo_colors import photo_colors
from colorization.inference.picture_features import PictureFeatures
from colorization.inference.pictures.picture_arrays import as_rgb
from colorization.inference.pictures.working_size import working_lab
from colorization.options import ColorizeOptions
from colorization.photo_files.staged_files import staging
from colorization.pipeline import ColorizationPipeline
from colorization.video.options import FilmOptions
from colorization.video.yuv import Plane
from similarity.backbone.precision import inference
from similarity.color.tones import Tones, tones_of
from similarity.resize import resized
from similarity.smooth_step import smooth_step

# cosines of coarse matches with the scene's colored frames from which their colors are taken a
# little, and fully; below, the frame is colored like a photo
FOLLOWED_FROM_TO = (0.75, 0.95)
# change of L up to which a place stands still, and from which it surely does not
STILL_FROM_TO = (1.0, 4.0)


class SceneColorizer:
    """Colors frames of one scene in order.

    A frame is matched with the scene's key frame and with the frame before it; where they match,
    their colors are carried over. What neither shows is colored from the references alone, like a
    photo: frames that the network has colored are never shown to it again, or its taste would grow
    from frame to frame.
    """

    def __init__(
        self,
        pipeline: ColorizationPipeline,
        references: Sequence[np.ndarray],
        are_recommended: bool,
        options: ColorizeOptions,
        film_options: FilmOptions,
    ) -> None:
        self.pipeline, self.film_options = pipeline, film_options
        self.are_recommended = are_recommended
        self.options = replace(options, saturation=1.0)
        self.network = pipeline.network_for(options)
        if self.network is None and not references:
            raise ValueError(
                "without the network, a film needs at least one reference, or an index"
            )
        self.references = [pipeline.describe(reference, options) for reference in references]
        self.tones: Tones | None = None
        self.key: PictureFeatures | None = None
        self.previous: PictureFeatures | None = None
        self._previous_half: Tensor | None = None

    def begin(self, key: Plane) -> None:
        """Begin a scene.

        Args:
            key: a frame that shows what the scene shows; the others are colored after it.
        """
        self.key = self.previous = None
        self.tones = None
        self.color(key)
        self.key, self.previous = self.previous, None

    def color(
        self, gray: Plane
    ) -> tuple[Float[Tensor, "1 1 height width"], Float[Tensor, "2 _height _width"]]:
        """Color the next frame.

        Args:
            gray: 0..255, upright.

        Returns:
            Its L at the working size and its chroma at half of that, raw Lab units.
        """
        with inference():
            luminance = working_lab(as_rgb(gray, "frame"), self.options.working_side)[:, :1].to(
                self.pipeline.backbone.device
            )
            self.tones = self.tones or tones_of(luminance)
            frame = self._described(self.tones(luminance))
            half = self._carried(frame, self._direct(frame))
            self._remember(frame, half)
        return luminance, half

    def save(self, path: Path) -> None:
        """Write what the next frame needs to know of the last."""
        if self.previous is None or self._previous_half is None:
            raise ValueError("no frame has been colored yet")
        with staging() as files:
            np.savez(
                files.add(path),
                luminance=self.previous.luminance.cpu().numpy(),
                half_ab=self._previous_half.cpu().numpy(),
            )

    def load(self, path: Path) -> None:
        """Go on where save was called."""
        with np.load(path) as stored, inference():
            frame = self._described(torch.from_numpy(stored["luminance"]))
            self._remember(frame, torch.from_numpy(stored["half_ab"]).to(frame.luminance))

    def _remember(self, frame: PictureFeatures, half: Float[Tensor, "2 height width"]) -> None:
        ab = resized(half, frame.luminance.shape[-2:])
        self.previous, self._previous_half = replace(frame, ab=ab), half

    def _described(self, luminance: Float[Tensor, "1 1 height width"]) -> PictureFeatures:
        return self.pipeline.describer(_gray_lab(luminance), self.options.working_side)

    def _direct(self, frame: PictureFeatures) -> Float[Tensor, "2 height width"]:
        """Chroma from the references alone."""
        questioned = self.network if self.are_recommended else None
        belief = None if questioned is None else belief_of(questioned, frame)
        match = match_references(frame, self.references, belief)
        return photo_colors(self.network, match, Guidance(), self.options).ab

    def _carried(
        self, frame: PictureFeatures, direct: Float[Tensor, "2 height width"]
    ) -> Float[Tensor, "2 height width"]:
        """Chroma of the scene's colored frames where they match, else direct."""
        past = [one for one in (self.key, self.previous) if one is not None]
        if not past:
            return direct
        match = match_references(frame, past)
        share = smooth_step(match.confidence, FOLLOWED_FROM_TO)
        carried, _ = transferred_colors(match)
        return self._steady(frame, share * carried + (1 - share) * direct)

    def _steady(
        self, frame: PictureFeatures, half: Float[Tensor, "2 height width"]
    ) -> Float[Tensor, "2 height width"]:
        """Keep colors of the last frame where the luminance has not changed since."""
        last, last_half = self.previous, self._previous_half
        # pictures may differ in size
        if last is None or last_half is None or last_half.shape != half.shape:
            return half
        gain = self.tones.gain[0] if self.tones else 1.0  # grain is spread too
        change = F.avg_pool2d((frame.luminance - last.luminance).abs()[0], FINE_STRIDE) / gain
        share = self.film_options.smoothing * (1 - smooth_step(change, STILL_FROM_TO))
        return half + share * (last_half - half)


def _gray_lab(luminance: Float[Tensor, "1 1 height width"]) -> Float[Tensor, "1 3 height width"]:
    return torch.cat((luminance, torch.zeros_like(luminance).expand(-1, 2, -1, -1)), 1)
