"""One object behind the command line and Python: it holds networks and index, never a picture."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from colorization.inference.color_suggestions import Suggestion, suggestions
from colorization.inference.matching import match_references
from colorization.inference.network_colors import belief_of, said_of
from colorization.inference.photo_colors import photo_colors
from colorization.inference.picture_features import PictureDescriber, PictureFeatures
from colorization.inference.pictures.full_resolution import render
from colorization.inference.pictures.picture_arrays import PictureLike, as_rgb
from colorization.inference.pictures.tint import tint_curve
from colorization.inference.pictures.working_size import working_lab
from colorization.inference.prepared_photo import PreparedPhoto, options_of, options_of_edit
from colorization.inference.reference_checks import (
    Reference,
    check_described,
    colors_of,
    given_references,
    guidance_of,
)
from colorization.inference.reference_search import ReferenceSearch, open_index
from colorization.network.colorization_network import ENCODER, ColorizationNetwork
from colorization.network.hints import Point
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.result import Colorized
from retrieval.search.recommendation import Recommendation
from retrieval.stage_clock import stage
from similarity.backbone.backbone import Backbone, load_backbone
from similarity.backbone.precision import inference
from similarity.backbone.pretrained import DEFAULT_BACKBONE

if TYPE_CHECKING:  # it brings faiss and h5py, which only an index needs
    from retrieval.search.photo_index import PhotoIndex


class ColorizationPipeline:
    """Recommend references for gray photographs and colorize from them.

    One instance serves many requests; nothing of a picture is kept between calls.
    """

    def __init__(
        self,
        backbone: Backbone,
        index: "PhotoIndex | None" = None,
        network: ColorizationNetwork | None = None,
        encoder: Backbone | None = None,
    ) -> None:
        """Join networks and an index.

        Args:
            backbone: what matches and the index see through.
            index: what references are recommended from; None recommends nothing.
            network: the colorization network; None leaves only the training-free method.
            encoder: what the network looks through; None is the backbone itself.

        Raises:
            ValueError: the index was built with another backbone.
        """
        self.backbone, self.network = backbone, network
        self.describer = PictureDescriber(backbone, (encoder or backbone) if network else None)
        self._search = ReferenceSearch(index, self.describer, network) if index else None

    @property
    def index(self) -> "PhotoIndex | None":
        """What references are recommended from."""
        return None if self._search is None else self._search.index

    @classmethod
    def load(
        cls,
        index_dir: Path | str | None = None,
        device: torch.device | str = "cpu",
        backbone: str = DEFAULT_BACKBONE,
        weights_path: Path | str | None = None,
    ) -> "ColorizationPipeline":
        """Load the networks, and an index if references are to be recommended.

        Args:
            index_dir: folder of an index that build-index made with the same backbone.
            device: ``cpu``, ``cuda``, ...
            backbone: ``efficientnet-lite0``, ``vgg19-slim`` or ``vgg19``: what matches see through.
            weights_path: weights of ``vgg19``, a file of torchvision's layout.

        Raises:
            FileNotFoundError: weights or the index are not there.
            ValueError: weights or the index are damaged, or do not belong together.
        """
        index = open_index(Path(index_dir)) if index_dir is not None else None
        eyes = load_backbone(backbone, weights_path, device)
        encoder = eyes if eyes.name == ENCODER else load_backbone(ENCODER, device=device)
        return cls(eyes, index, load_network(encoder), encoder)

    def refresh(self) -> None:
        """Open the index anew if it was built again since: libraries grow while a server runs.

        Raises:
            FileNotFoundError, ValueError: see PhotoIndex.open; the one that was open stays.
        """
        if self._search is not None:
            self._search = self._search.refreshed()

    @property
    def search(self) -> ReferenceSearch:
        """Recommends references, one step at a time.

        Raises:
            ValueError: there is no index.
        """
        if self._search is None:
            needed = "ColorizationPipeline.load(index_dir=...)"
            raise ValueError(f"recommending references needs an index: {needed}")
        return self._search

    def recommend(
        self, target: PictureLike, top_k: int = 5, same_class: bool = False
    ) -> list[Recommendation]:
        """Rank the index's photos as references for a picture.

        Args:
            target: a path, a PIL picture, or an array (height, width) or (height, width, 3), uint8,
                uint16 or float 0..1. Colors are ignored.
            top_k: how many.
            same_class: only photos of the picture's ImageNet class, where there are any.

        Raises:
            ValueError: there is no index, no color photo in it, or a wrong shape or type.
            PictureError: the file cannot be read.
        """
        return self.search.recommend(self.search.query(as_rgb(target)), top_k, same_class)

    def colorize(
        self,
        target: PictureLike,
        references: Iterable[Reference] | None = None,
        options: ColorizeOptions | None = None,
        points: Sequence[Point] = (),
        palette: PictureLike | None = None,
    ) -> Colorized:
        """Colorize a picture: from references or without any, and as points and palette say.

        Args:
            target: a path, a PIL picture, or an array (height, width) or (height, width, 3), uint8,
                uint16 or float 0..1. Its luminance is kept exactly; colors it has are replaced.
            references: color pictures, in any of these forms, or recommendations of ``recommend``.
                An empty list uses none: the network colors what it recognises. None takes the best
                ``options.top_k`` of an index, weak matches only for the training-free method.
            options: how to colorize.
            points: colors that the picture should have at places.
            palette: a color picture whose colors the result should have, instead of references.

        Returns:
            The picture in color, at its own size and depth, and where its colors come from.

        Raises:
            ValueError: a picture of a wrong shape or type, a reference or palette without color,
                something else than points, or the training-free method without a reference.
            PictureError: a file cannot be read.
        """
        prepared = self.prepare(target, references if palette is None else [], options)
        return self.apply(prepared, options, points, palette)

    @inference()
    def prepare(
        self,
        target: PictureLike,
        references: Iterable[Reference] | None = None,
        options: ColorizeOptions | None = None,
    ) -> PreparedPhoto:
        """Describe a picture and its references and match them: what edits have in common.

        Args:
            target: a path, a PIL picture or an array, which must stay as it is: it is not copied.
            references: see ``colorize``, or what ``describe`` made of them; recommendations count
                as such if there is nothing else among them.
            options: how to colorize.

        Raises:
            ValueError: a wrong shape or type, or a reference without color.
            PictureError: a file cannot be read.
        """
        options, target = options_of(options), as_rgb(target, "target")
        lab = working_lab(target, options.working_side)
        features = self.describer.features_of_lab(lab, options.working_side)
        if references is None and self._search is not None:
            used = self._search.chosen(self._search.query(target, features), options)
        else:
            used = given_references(references)
        seen = [self.describer.features_of(one, options.working_side) for one in used.pictures]
        check_described(seen, features)
        network, belief = self.network_for(options), used.belief
        if used.recommended and network is not None:  # given references are not questioned
            belief = belief or belief_of(network, features)
        match = match_references(features, seen, belief)
        return PreparedPhoto(
            target, lab[:, :1], options, match, used.recommended, used.skipped, used.note
        )

    @inference()
    def describe(
        self, reference: PictureLike, options: ColorizeOptions | None = None
    ) -> PictureFeatures:
        """Describe a reference that is to lend its colors to several photos.

        Args:
            reference: a color picture: a path, a PIL picture or an array.
            options: working_side.

        Raises:
            ValueError: a wrong shape or type, or it has no colors to lend.
            PictureError: the file cannot be read, or shows a gray print.
        """
        side = options_of(options).working_side
        return self.describer.features_of(colors_of(reference), side)

    @stage("coloring")
    @inference()
    def apply(
        self,
        prepared: PreparedPhoto,
        options: ColorizeOptions | None = None,
        points: Sequence[Point] = (),
        palette: PictureLike | None = None,
    ) -> Colorized:
        """Colorize what ``prepare`` gave; any number of times, in several threads too.

        Args:
            prepared: a photo, described and matched.
            options: None takes those it was prepared with.
            points: colors that the picture should have at places.
            palette: a color picture whose colors the result should have.

        Raises:
            ValueError: something else than ``prepare`` gives, a palette without color, options that
                need another ``prepare``, or the training-free method without a reference.
        """
        options = options_of_edit(prepared, options)
        match = prepared.match
        asked = guidance_of(points, palette, options)
        colors = photo_colors(self.network_for(options), match, asked, options)
        seen = working_lab(prepared.target, options.working_side) if options.keep_tint else None
        tint = None if seen is None else tint_curve(seen)
        ab = colors.ab * options.saturation
        rgb = render(prepared.target, prepared.luminance, ab, tint, colors.paper)
        return Colorized(
            rgb,
            colors.warped_ab.cpu().numpy().copy(),
            colors.confidence[0].cpu().numpy().copy(),
            prepared.references,
            colors.shares,
            prepared.skipped,
            prepared.note,
        )

    @inference()
    def suggest_colors(
        self,
        target: PictureLike | PreparedPhoto,
        x: float,
        y: float,
        count: int = 9,
        options: ColorizeOptions | None = None,
    ) -> list[Suggestion]:
        """Suggest colors for a place of a picture, the most likely first.

        Args:
            target: a path, a PIL picture or an array; or what ``prepare`` gave, which is faster.
            x: 0..1 from the left to the right edge.
            y: 0..1 from the upper to the lower edge.
            count: how many at most.
            options: how to colorize.

        Raises:
            ValueError: the place is outside the picture or on its border, count is not positive,
                or there is no network.
        """
        network = self.network_for(options_of(options))
        if network is None:
            raise ValueError("suggesting colors needs the colorization network")
        place = Point(x, y, (0.0, 0.0))
        prepared = (
            target if isinstance(target, PreparedPhoto) else self.prepare(target, [], options)
        )
        prepared.check_shown(place)
        prediction = said_of(network, prepared.match, seen=False)
        return suggestions(prediction, network.prior, prepared.luminance[0], place, count)

    def network_for(self, options: ColorizeOptions) -> ColorizationNetwork | None:
        """The colorization network, if the options ask for it and there is one.

        Args:
            options: method.
        """
        return None if options.method == "training-free" else self.network
