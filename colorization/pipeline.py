"""One object behind the command line and Python: it holds networks and index, never a picture."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from colorization.inference.color_belief import NetworkBelief
from colorization.inference.color_suggestions import Suggestion, suggestions
from colorization.inference.color_transfer import transferred_colors
from colorization.inference.matching import match_references
from colorization.inference.network_colors import Guidance, network_colors, predict
from colorization.inference.picture_features import PictureDescriber, PictureFeatures
from colorization.inference.pictures.full_resolution import render
from colorization.inference.pictures.picture_arrays import as_rgb
from colorization.inference.pictures.tint import tint_curve
from colorization.inference.pictures.working_size import working_lab
from colorization.inference.prepared_photo import PreparedPhoto
from colorization.inference.reference_checks import (
    Picture,
    Reference,
    as_references,
    check_working_side,
    colors_of,
    guidance_of,
    read_reference,
)
from colorization.messages import AUTOMATIC
from colorization.network.colorization_network import ENCODER, ColorizationNetwork
from colorization.network.hints import Point
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.result import Colorized
from retrieval.extraction.extractor import Extractor, glance
from retrieval.photos.reader import PictureError, to_uint8
from retrieval.search.match_words import first_picks, honest_note
from retrieval.search.recommendation import Recommendation
from retrieval.stage_clock import stage
from retrieval.storage.manifest import read_manifest
from similarity.backbone.backbone import Backbone, load_backbone
from similarity.backbone.precision import inference
from similarity.backbone.pretrained import DEFAULT_BACKBONE
from similarity.color.tones import spread_tones

if TYPE_CHECKING:  # it brings faiss and h5py, which only an index needs
    from retrieval.search.photo_index import PhotoIndex
    from retrieval.storage.descriptors import Descriptors

UNGUIDED = (
    "without the network, colorizing needs at least one reference and takes no points or palette"
)


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
        self._library: tuple[PhotoIndex, Extractor] | None = (
            (index, index.extractor(backbone)) if index else None
        )

    @property
    def index(self) -> "PhotoIndex | None":
        """What references are recommended from."""
        return self._library and self._library[0]

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
        index = _opened(Path(index_dir)) if index_dir is not None else None
        eyes = load_backbone(backbone, weights_path, device)
        encoder = eyes if eyes.name == ENCODER else load_backbone(ENCODER, device=device)
        return cls(eyes, index, load_network(encoder), encoder)

    def refresh(self) -> None:
        """Open the index anew if it was built again since: libraries grow while a server runs.

        Raises:
            FileNotFoundError, ValueError: see PhotoIndex.open and PhotoIndex.extractor; the one
                that was open stays.
        """
        if self.index is not None and read_manifest(self.index.index_dir) != self.index.manifest:
            index = _opened(self.index.index_dir)
            self._library = index, index.extractor(self.backbone)

    def recommend(
        self, gray: Picture, top_k: int = 5, same_class: bool = False
    ) -> list[Recommendation]:
        """Rank the index's photos as references for a picture.

        Args:
            gray: a path, a PIL picture, or an array (height, width) or (height, width, 3), uint8,
                uint16 or float 0..1. Colors are ignored.
            top_k: how many.
            same_class: only photos of the picture's ImageNet class, where there are any.

        Raises:
            ValueError: there is no index, it holds no color photo, or the picture's shape or type
                is wrong.
            PictureError: the file cannot be read.
        """
        return self._rank(self._query(as_rgb(gray)), top_k, same_class)

    def candidates(
        self,
        gray: np.ndarray,
        top_k: int,
        same_class: bool = False,
        features: PictureFeatures | None = None,
    ) -> Iterator[Recommendation]:
        """Recommend references, more and more for whoever goes on, as photos may be gone.

        Args:
            gray: the picture.
            top_k: twice as many are ranked at first.
            same_class: only photos of the picture's ImageNet class, where there are any.
            features: of the picture, where they are known.
        """
        known, query = set[Path](), self._query(as_rgb(gray), features)
        while True:
            top_k *= 2
            found = self._rank(query, top_k, same_class)
            yield from (one for one in found if one.path not in known)
            if len(found) < top_k:
                return
            known = {one.path for one in found}

    @stage("recommending")
    def recommend_readable(
        self,
        gray: np.ndarray,
        top_k: int = 5,
        same_class: bool = False,
        features: PictureFeatures | None = None,
    ) -> tuple[list[Recommendation], list[np.ndarray], list[str]]:
        """Recommend references, and read them; the next best take the places of unreadable ones.

        Args:
            gray: see recommend.
            top_k: how many at most.
            same_class: see recommend.
            features: of the picture, where they are known.

        Returns:
            The references, their pictures, and one line for each photo that could not be read.

        Raises:
            ValueError: see recommend.
        """
        used, pictures, skipped = [], [], []
        for candidate in self.candidates(gray, top_k, same_class, features):
            try:
                pictures.append(read_reference(candidate.path))
                used.append(candidate)
            except PictureError as error:
                skipped.append(str(error))
            if len(used) == top_k:
                break
        return used, pictures, skipped

    def colorize(
        self,
        gray: Picture,
        references: Iterable[Reference] | None = None,
        options: ColorizeOptions = ColorizeOptions(),
        points: Sequence[Point] = (),
        palette: Picture | None = None,
    ) -> Colorized:
        """Colorize a picture: from references or without any, and as points and palette say.

        Args:
            gray: a path, a PIL picture, or an array (height, width) or (height, width, 3), uint8,
                uint16 or float 0..1. Its luminance is kept exactly; colors it has are replaced.
            references: color pictures, in any of these forms, or recommendations of ``recommend``.
                An empty list uses none: the network colors what it recognises. None takes the best
                ``options.top_k`` from the index, but no weak match, and none if there is no index.
            options: how to colorize.
            points: colors that the picture should have at places.
            palette: a color picture whose colors the result should have.

        Returns:
            The picture in color, at its own size and depth, and where its colors come from.

        Raises:
            ValueError: a picture of a wrong shape or type, a reference or palette without color,
                something else than points among the points, or the training-free method without a
                reference.
            PictureError: a file cannot be read.
        """
        return self.apply(self.prepare(gray, references, options), options, points, palette)

    @inference()
    def prepare(
        self,
        gray: Picture,
        references: Iterable[Reference] | None = None,
        options: ColorizeOptions = ColorizeOptions(),
    ) -> PreparedPhoto:
        """Describe a picture and its references and match them: what edits have in common.

        Args:
            gray: a path, a PIL picture or an array; an array is not copied, and must stay as it is
                while the result is in use.
            references: color pictures, what ``describe`` made of them, or recommendations, which
                count as such if there is nothing else among them. An empty list uses none; None
                takes the best ``options.top_k`` from the index, but no weak match, and none if
                there is no index.
            options: how to colorize.

        Raises:
            ValueError: a wrong shape or type, or a reference without color.
            PictureError: a file cannot be read.
        """
        target = as_rgb(gray, "target")
        lab = working_lab(target, options.working_side)
        features = self.describer(spread_tones(lab), options.working_side)
        given: Sequence[np.ndarray | PictureFeatures]
        note = ""
        if references is None and self.index is not None:
            recommended, given, skipped, note = self._recommended(target, features, options)
        else:
            chosen, skipped = as_references(references) or [], []
            recommended = [r for r in chosen if isinstance(r, Recommendation)]
            recommended = recommended if len(recommended) == len(chosen) else []
            of_all = f" of {len(chosen)}" if len(chosen) > 1 else ""
            given = [
                r if isinstance(r, PictureFeatures) else colors_of(r, f"reference {i}{of_all}")
                for i, r in enumerate(chosen, 1)
            ]
        seen = [
            one.on(self.backbone.device)
            if isinstance(one, PictureFeatures)
            else self._described(one, options)
            for one in given
        ]
        check_working_side(seen, options)
        match = match_references(features, seen, bool(recommended))
        return PreparedPhoto(target, lab[:, :1], options, match, recommended, skipped, note)

    @inference()
    def describe(
        self, reference: Picture, options: ColorizeOptions = ColorizeOptions()
    ) -> PictureFeatures:
        """Describe a reference that is to lend its colors to several photos.

        Args:
            reference: a color picture: a path, a PIL picture or an array.
            options: working_side.

        Raises:
            ValueError: a wrong shape or type, or it has no colors to lend.
            PictureError: the file cannot be read, or shows a gray print.
        """
        return self._described(colors_of(reference), options)

    @stage("coloring")
    @inference()
    def apply(
        self,
        prepared: PreparedPhoto,
        options: ColorizeOptions | None = None,
        points: Sequence[Point] = (),
        palette: Picture | None = None,
    ) -> Colorized:
        """Colorize what ``prepare`` gave; any number of times, in several threads too.

        Args:
            prepared: a photo, described and matched.
            options: None takes those it was prepared with.
            points: colors that the picture should have at places.
            palette: a color picture whose colors the result should have.

        Raises:
            ValueError: a palette without color, options that need the picture to be prepared anew,
                or the training-free method without a reference or with points or a palette.
        """
        options = options or prepared.options
        prepared.check(options)
        network, match = self.network_for(options), prepared.match
        asked = guidance_of(
            points, None if palette is None else as_rgb(palette, "palette"), options
        )
        if network is not None:
            ab, confidence = network_colors(network, match, asked, options), match.confidence
            followed = 0.0 if palette is not None else options.faithfulness
        elif points or palette is not None or not match.references:
            raise ValueError(UNGUIDED)
        else:
            warped, confidence = transferred_colors(match)
            ab, followed = warped * confidence, 1.0
        tint = None
        if options.keep_tint:
            tint = tint_curve(working_lab(prepared.target, options.working_side))
        rgb = render(prepared.target, prepared.luminance, ab * options.saturation, tint)
        return Colorized(
            rgb,
            match.warped_ab.cpu().numpy().copy(),
            confidence[0].cpu().numpy().copy(),
            prepared.references,
            match.shares(followed, by_network=network is not None),
            prepared.skipped,
            prepared.note,
        )

    @inference()
    def suggest_colors(
        self,
        gray: Picture | PreparedPhoto,
        x: float,
        y: float,
        count: int = 9,
        options: ColorizeOptions = ColorizeOptions(),
    ) -> list[Suggestion]:
        """Suggest colors for a place of a picture, the most likely first.

        Args:
            gray: a path, a PIL picture or an array; or what ``prepare`` gave, which is faster and
                suggests the same.
            x: 0..1 from the left to the right edge.
            y: 0..1 from the upper to the lower edge.
            count: how many at most.
            options: how to colorize.

        Raises:
            ValueError: the place is outside the picture, count is not positive, or there is no
                network.
        """
        network = self.network_for(options)
        if network is None:
            raise ValueError("suggesting colors needs the colorization network")
        place = Point(x, y, (0.0, 0.0))
        prepared = gray if isinstance(gray, PreparedPhoto) else self.prepare(gray, [], options)
        prediction = predict(network, prepared.match, [False], Guidance(), options.vividness)
        return suggestions(prediction, prepared.luminance[0], place, count)

    def network_for(self, options: ColorizeOptions) -> ColorizationNetwork | None:
        """The colorization network, if the options ask for it and there is one.

        Args:
            options: method.
        """
        return None if options.method == "training-free" else self.network

    @inference()
    def _query(
        self, rgb: np.ndarray, features: PictureFeatures | None = None
    ) -> tuple["Descriptors", NetworkBelief | None]:
        """What the index is asked: how the picture looks, and which colors are likely in it."""
        if self._library is None:
            raise ValueError(
                "recommending references needs an index: ColorizationPipeline.load(index_dir=...)"
            )
        described = self._library[1].describe([glance(to_uint8(rgb))])
        if self.network is None:
            return described, None
        options = ColorizeOptions()
        alone = match_references(features or self._described(rgb, options), [])
        said = predict(self.network, alone, [False], Guidance(), vividness=0.0)
        return described, NetworkBelief(said.logits)

    def _rank(
        self,
        query: tuple["Descriptors", NetworkBelief | None],
        top_k: int,
        same_class: bool,
    ) -> list[Recommendation]:
        described, belief = query
        assert self._library is not None
        index = self._library[0]
        found = index.rank(described, top_k, same_class, belief)
        if not found:
            raise ValueError(f"{index.index_dir}: the index holds no color photo to recommend")
        return found

    def _described(self, rgb: np.ndarray, options: ColorizeOptions) -> PictureFeatures:
        lab = spread_tones(working_lab(rgb, options.working_side))
        return self.describer(lab, options.working_side)

    def _recommended(
        self, target: np.ndarray, features: PictureFeatures, options: ColorizeOptions
    ) -> tuple[list[Recommendation], list[np.ndarray], list[str], str]:
        """The best references that can still be read, and a line where none of them matches.

        Weak matches are left out: the network's own colors are better. Without it they must do.
        """
        used, pictures, skipped = self.recommend_readable(
            target, options.top_k, options.same_class, features
        )
        if not used:
            where, reason = (
                self.index and self.index.index_dir,
                "none of the recommended photos can be read; the first",
            )
            raise ValueError(f"{where}: {reason}: {skipped[0]}; have the photos moved?")
        if self.network_for(options) is None:
            return used, pictures, skipped, ""
        picks = first_picks(used, options.top_k, self.backbone.name)
        note = honest_note(used, self.backbone.name, AUTOMATIC)
        return [used[i] for i in picks], [pictures[i] for i in picks], skipped, note


def _opened(index_dir: Path) -> "PhotoIndex":
    from retrieval.search.photo_index import PhotoIndex

    return PhotoIndex.open(index_dir)
