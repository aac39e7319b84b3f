"""One object behind the command line and Python: it holds models and index, never a picture."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from colorization.inference.color_suggestions import Suggestion, suggestions
from colorization.inference.color_transfer import MATCH_LAYERS
from colorization.inference.full_resolution import render
from colorization.inference.matching import match
from colorization.inference.network_colors import PREDICT_LAYERS, Guidance, predict, predict_chroma
from colorization.inference.picture_features import Described, describe
from colorization.inference.prepared_photo import Prepared
from colorization.inference.reference_checks import (
    Reference,
    as_references,
    check_lenders,
    guidance_of,
)
from colorization.inference.tint import tint_curve
from colorization.inference.working_size import as_rgb, read_reference, working_lab
from colorization.network.colorization_network import ColorizationNetwork
from colorization.network.hints import Point
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.result import Colorized
from retrieval.extraction.extractor import Extractor, glance
from retrieval.photos.reader import PictureError, to_uint8
from retrieval.search.photo_index import PhotoIndex, Recommendation
from retrieval.search.query_threads import one_thread
from retrieval.storage.manifest import read_manifest
from similarity.backbone.backbone import Backbone, inference, load_backbone
from similarity.backbone.pretrained import DEFAULT_BACKBONE
from similarity.color.tones import spread_tones

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
        index: PhotoIndex | None = None,
        network: ColorizationNetwork | None = None,
    ) -> None:
        self.backbone, self.network = backbone, network
        self._library: tuple[PhotoIndex, Extractor] | None = (
            (index, index.extractor(backbone)) if index else None
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers of the backbone that pictures are described by."""
        return PREDICT_LAYERS if self.network else MATCH_LAYERS

    @property
    def index(self) -> PhotoIndex | None:
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

        The colorization network was trained on vgg19-slim; with ``vgg19`` the training-free method
        is used.

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
        return cls(
            features, index, load_network(features) if backbone == DEFAULT_BACKBONE else None
        )

    def refresh(self) -> None:
        """Open the index anew if it was built again since: libraries grow while a server runs.

        Raises:
            FileNotFoundError, ValueError: see PhotoIndex.open and PhotoIndex.extractor; the one
                that was open stays.
        """
        if self.index is not None and read_manifest(self.index.index_dir) != self.index.manifest:
            index = PhotoIndex.open(self.index.index_dir)
            self._library = index, index.extractor(self.backbone)

    @one_thread()
    def recommend(
        self, gray: np.ndarray, top_k: int = 5, same_class: bool = False
    ) -> list[Recommendation]:
        """Rank the index's photos as references for a picture.

        Args:
            gray: (height, width) or (height, width, 3); uint8, uint16 or float 0..1. Colors are
                ignored.
            top_k: how many.
            same_class: only photos of the picture's ImageNet class, where there are any.

        Raises:
            ValueError: there is no index, it holds no color photo, or the picture's shape or type
                is wrong.
        """
        if self._library is None:
            raise ValueError(
                "recommending references needs an index: ColorizationPipeline.load(index_dir=...)"
            )
        query = glance(to_uint8(as_rgb(gray)))
        index, extractor = self._library
        found = index.recommend(query, extractor, top_k, same_class)
        if not found:
            raise ValueError(f"{index.index_dir}: the index holds no color photo to recommend")
        return found

    def candidates(
        self, gray: np.ndarray, top_k: int, same_class: bool = False
    ) -> Iterator[Recommendation]:
        """Recommendations, see recommend: first twice top_k, then more for whoever goes on, as photos may be gone."""
        known = set[Path]()
        while True:
            top_k *= 2
            found = self.recommend(gray, top_k, same_class)
            yield from (one for one in found if one.path not in known)
            if len(found) < top_k:
                return
            known = {one.path for one in found}

    def recommend_readable(
        self, gray: np.ndarray, top_k: int = 5, same_class: bool = False
    ) -> tuple[list[Recommendation], list[np.ndarray], list[str]]:
        """Recommend references, and read them; photos that cannot be read give their places to the next best.

        Args:
            gray: see recommend.
            top_k: how many at most.
            same_class: see recommend.

        Returns:
            The references, their pictures, and one line for each photo that could not be read.

        Raises:
            ValueError: see recommend.
        """
        used, pictures, skipped = [], [], []
        for candidate in self.candidates(gray, top_k, same_class):
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
        gray: np.ndarray,
        references: Iterable[Reference] | None = None,
        options: ColorizeOptions = ColorizeOptions(),
        points: Sequence[Point] = (),
        palette: np.ndarray | None = None,
    ) -> Colorized:
        """Colorize a picture: from references given or recommended, or with none at all, and as points and palette say.

        Args:
            gray: see recommend; its luminance is kept exactly, colors it may have are replaced.
            references: see prepare.
            options: see ColorizeOptions.
            points: see apply.
            palette: see apply.

        Raises:
            ValueError: see prepare and apply.
        """
        return self.apply(self.prepare(gray, references, options), options, points, palette)

    @inference()
    def prepare(
        self,
        gray: np.ndarray,
        references: Iterable[Reference] | None = None,
        options: ColorizeOptions = ColorizeOptions(),
    ) -> Prepared:
        """Describe a picture and its references and match them: the part of colorize that edits have in common.

        Args:
            gray: see recommend; it is not copied, and must stay as it is while the result is in
                use.
            references: color pictures, (height, width, 3), or what describe made of them, or some
                of those that recommend found, whose scores then count if there are no others; none
                in the list colors automatically; None takes ``options.top_k`` from the index, or
                none if there is no index.
            options: see ColorizeOptions.

        Raises:
            ValueError: a reference that cannot be read, see check_lenders too, a wrong shape or
                type, or something that only the network can do and it is not there.
        """
        target = as_rgb(gray, "target")
        network = self.network_for(options)
        given: Sequence[np.ndarray | Described]
        if references is None and self.index is not None:
            recommended, given, skipped = self._recommended(target, options)
        else:
            chosen, skipped = as_references(references) or [], []
            recommended = [r for r in chosen if isinstance(r, Recommendation)]
            recommended = recommended if len(recommended) == len(chosen) else []
            given = [read_reference(r.path) if isinstance(r, Recommendation) else r for r in chosen]
        lenders = [
            r.on(self.backbone.device) if isinstance(r, Described) else self.describe(r, options)
            for r in given
        ]
        if network is None and not lenders:
            raise ValueError(UNGUIDED)
        check_lenders(lenders, self.layers, options, may_be_gray=bool(recommended))
        scores = [r.score for r in recommended] if recommended else None
        lab = working_lab(target, options.working_side)
        seen = describe(self.backbone, spread_tones(lab), self.layers, options.working_side)
        matched = match(seen, lenders, scores, options, for_network=network is not None)
        return Prepared(target, lab[:, :1], options, matched, recommended, skipped)

    @inference()
    def describe(
        self, reference: np.ndarray, options: ColorizeOptions = ColorizeOptions()
    ) -> Described:
        """Describe a reference that is to lend its colors to several photos.

        Args:
            reference: a color picture, (height, width, 3).
            options: working_side.

        Raises:
            ValueError: a wrong shape or type.
        """
        lab = spread_tones(working_lab(as_rgb(reference, "reference"), options.working_side))
        return describe(self.backbone, lab, self.layers, options.working_side)

    @inference()
    def apply(
        self,
        prepared: Prepared,
        options: ColorizeOptions | None = None,
        points: Sequence[Point] = (),
        palette: np.ndarray | None = None,
    ) -> Colorized:
        """Colorize what prepare gave; the same picture may be edited any number of times, in several threads too.

        Args:
            prepared: from prepare.
            options: None takes those it was prepared with.
            points: colors that the picture should have at places.
            palette: a color picture whose colors the result should have.

        Raises:
            ValueError: a palette without color, options that need the picture to be prepared anew,
                or something that only the network can do and it is not there.
        """
        options = options or prepared.options
        network, matched = self.network_for(options), prepared.matched
        prepared.check(options, for_network=network is not None)
        if network is None and (points or palette is not None):
            raise ValueError(UNGUIDED)
        guidance = guidance_of(points, palette, options)
        chroma = predict_chroma(network, matched, guidance, options)
        tint = (
            tint_curve(working_lab(prepared.target, options.working_side))
            if options.keep_tint
            else None
        )
        rgb = render(
            prepared.target,
            prepared.luminance,
            chroma.ab * options.saturation,
            options.edge_epsilon,
            tint,
        )
        warped_ab, confidence = (
            plane.cpu().numpy().copy() for plane in (chroma.warped_ab, chroma.confidence[0])
        )
        return Colorized(
            rgb, warped_ab, confidence, prepared.references, chroma.influence, prepared.skipped
        )

    @inference()
    def suggest_colors(
        self,
        gray: np.ndarray | Prepared,
        x: float,
        y: float,
        count: int = 9,
        options: ColorizeOptions = ColorizeOptions(),
    ) -> list[Suggestion]:
        """Suggest colors for a place of a picture, the most likely first.

        Args:
            gray: see recommend; or what prepare gave, which is faster and suggests the same.
            x: 0..1 from the left to the right edge.
            y: 0..1 from the upper to the lower edge.
            count: how many at most.
            options: see ColorizeOptions.

        Raises:
            ValueError: the place is outside the picture, count is not positive, or there is no
                network.
        """
        network = self.network_for(options)
        if network is None or not network.config.num_bins:
            raise ValueError("suggesting colors needs the colorization network with its color bins")
        place = Point(x, y, (0.0, 0.0))
        prepared = gray if isinstance(gray, Prepared) else self.prepare(gray, [], options)
        prediction = predict(network, prepared.matched.target, [None], Guidance(), options)
        return suggestions(prediction, prepared.luminance[0], place, count)

    def network_for(self, options: ColorizeOptions) -> ColorizationNetwork | None:
        """The colorization network, if the options and the backbone allow it; None for the training-free method.

        Raises:
            ValueError: the options ask for the network, and the backbone is not the one it was
                trained on.
        """
        if options.method == "network" and self.network is None:
            raise ValueError(
                f"the colorization network was trained on {DEFAULT_BACKBONE}, not on {self.backbone.name}"
            )
        return None if options.method == "training-free" else self.network

    def _recommended(
        self, target: np.ndarray, options: ColorizeOptions
    ) -> tuple[list[Recommendation], list[np.ndarray], list[str]]:
        """The best references that can still be read."""
        used, pictures, skipped = self.recommend_readable(target, options.top_k, options.same_class)
        if not used:
            where, reason = (
                self.index and self.index.index_dir,
                "none of the recommended photos can be read; the first",
            )
            raise ValueError(f"{where}: {reason}: {skipped[0]}; have the photos moved?")
        return used, pictures, skipped
