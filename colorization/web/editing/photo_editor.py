"""What the page does with a photo, without the page; everything that needs the pipeline."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from colorization.batch.target_colors import has_colors
from colorization.inference.color_suggestions import Suggestion
from colorization.inference.pictures.picture_arrays import shrunk
from colorization.inference.prepared_photo import PreparedPhoto
from colorization.inference.reference_checks import read_reference
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.photo_files.provenance import Sources
from colorization.photo_files.results import write_result
from colorization.photo_files.writer import output_suffix, what_is_lost
from colorization.pipeline import ColorizationPipeline
from colorization.result import Colorized
from colorization.web.editing.edit_history import Candidate, Edit, EditedPhoto
from colorization.web.editing.kept_photos import KeptPhotos
from colorization.web.editing.previews import parse_color, save_preview
from colorization.web.storage.file_store import FileStore
from colorization.web.storage.limits import Limits
from retrieval.photos.reader import Picture, PictureError, read_picture
from retrieval.safe_files import file_sha256
from retrieval.search.photo_index import PhotoIndex
from retrieval.search.recommendation import Recommendation
from retrieval.storage.manifest import MANIFEST

THUMBNAIL_SIDE = 256
HAS_COLORS = "This photo already has colors; new ones replace them."

Say = Callable[[str], None]  # receives the name of each step


def silent(_: str) -> None:
    """Say nothing."""


class PhotoEditor:
    """Open a photo, color it, write it. One editor serves all visitors.

    Photos are prepared once and kept in memory; the one not used for longest goes first.
    """

    def __init__(
        self,
        pipeline: ColorizationPipeline,
        store: FileStore,
        options: ColorizeOptions = ColorizeOptions(),
    ) -> None:
        self.pipeline, self.store, self.options = pipeline, store, options
        self.limits: Limits = store.limits
        self._kept = KeptPhotos(self.limits.kept_bytes)

    @property
    def kept_bytes(self) -> int:
        """Memory of the photos that are kept prepared."""
        return self._kept.num_bytes

    def use_index(self, index: PhotoIndex) -> None:
        """Recommend references from this index from now on."""
        now = self.pipeline
        encoder = now.describer.encoder
        self.pipeline = ColorizationPipeline(now.backbone, index, now.network, encoder)

    def open(self, photo: Path, say: Say = silent, picture: Picture | None = None) -> EditedPhoto:
        """Take a photo and recommend references for it; without any, a note says why.

        Args:
            photo: a file of the store.
            say: receives the name of each step.
            picture: what the file holds, if it was read already.

        Raises:
            PictureError: it cannot be read.
        """
        say("reading")
        picture = picture or read_picture(photo)
        try:
            found, count, told = self._recommended(picture.rgb, say)
        except (ValueError, OSError) as error:
            found, count, told = [], 0, [f"No references are recommended: {error}"]
        candidates = tuple(Candidate(one.path, one) for one in found)
        lost = what_is_lost(picture, photo.with_suffix(output_suffix(photo.suffix)))
        notes = filter(None, [HAS_COLORS if has_colors(picture) else "", *lost, *told])
        edited = EditedPhoto(
            photo,
            candidates,
            (Edit(tuple(range(count))),),
            "\n".join(notes),
            shorter_side=min(picture.rgb.shape[:2]),
            content=file_sha256(photo),
        )
        self._prepared(edited, picture, say)
        return edited

    def readable_references(self, paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
        """Sort out which pictures can serve as references.

        Returns:
            Those that can, and a line for each that cannot: it cannot be read, or is gray.

        Raises:
            ValueError: there are too many.
        """
        self.check_references(paths)
        usable, refused = list[Path](), list[str]()
        for path in paths:
            try:
                read_reference(path)
                usable.append(path)
            except PictureError as error:
                refused.append(str(error))
        return usable, refused

    def bring(self, edited: EditedPhoto, paths: Sequence[Path]) -> EditedPhoto:
        """Use references of the visitor's own; without any, nothing changes.

        Args:
            edited: the photo.
            paths: of color pictures.

        Raises:
            ValueError: there are too many.
        """
        brought = edited.bring(paths) if paths else edited
        self.check_references([one for one in brought.picked if one.recommended is None])
        return brought

    def check_references(self, given: Sequence[object]) -> None:
        """Refuse more references of a visitor's own than memory is for.

        Raises:
            ValueError: there are too many.
        """
        if len(given) > self.limits.references:
            raise ValueError(
                f"at most {self.limits.references} references of your own, not {len(given)}"
            )

    def look(self, edited: EditedPhoto, say: Say = silent) -> Colorized:
        """The photo with the current wishes, at preview size.

        Args:
            edited: the photo.
            say: receives the name of each step.

        Raises:
            PictureError: the photo, a reference or the palette cannot be read any more.
            ValueError: a wish is out of range.
        """
        prepared = self._prepared(edited, None, say)
        result = self._apply(edited, prepared, say)
        self._kept.keep(_key(edited), prepared)
        return result

    def original(self, edited: EditedPhoto) -> np.ndarray:
        """The photo as it came, at preview size: (height, width, 3), uint8."""
        return self._prepared(edited).target

    def suggest(self, edited: EditedPhoto, x: float, y: float) -> list[Suggestion]:
        """Likely colors of a place, the most likely first.

        Args:
            edited: the photo.
            x: 0..1 from the left edge.
            y: 0..1 from the upper edge.

        Raises:
            ValueError: the place is outside the picture.
        """
        prepared = self._prepared(edited)
        found = self.pipeline.suggest_colors(prepared, x, y, options=self.options)
        self._kept.keep(_key(edited), prepared)
        return found

    def put(
        self, edited: EditedPhoto, places: Sequence[tuple[float, float]], color: str
    ) -> EditedPhoto:
        """Put a color on places.

        Args:
            edited: the photo.
            places: x and y in 0..1, from the left and the upper edge.
            color: as browsers write it, see parse_color.

        Raises:
            ValueError: it is no color, a place is outside the picture, or there are too many.
        """
        rgb = parse_color(color)
        return edited.put([Point.of_color(x, y, rgb) for x, y in places])

    def write(self, edited: EditedPhoto, say: Say = silent, picture: Picture | None = None) -> Path:
        """Colorize at full size and write a file as ``rechroma colorize`` does.

        Args:
            edited: the photo.
            say: receives the name of each step.
            picture: what its file holds, if it was read already.

        Raises:
            PictureError, OSError: the photo cannot be read any more, or the result cannot be
                written.
        """
        say("reading")
        picture = picture or read_picture(edited.photo)
        prepared = self._prepared(edited, picture, say)
        result = self._apply(edited, replace(prepared, target=picture.rgb), say)
        self._kept.keep(_key(edited), prepared)
        say("writing")
        name = f"{edited.photo.stem}-color{output_suffix(edited.photo.suffix)}"
        path = self.store.new(name)
        write_result(path, result.rgb, picture, sources_of(edited, result))
        return path

    def thumbnail(self, path: Path) -> Path:
        """A small picture of a reference, in the store.

        Raises:
            PictureError: the reference cannot be read any more.
        """
        small = self.store.derived("thumbnails", path)
        if small.is_file():
            return small
        return save_preview(shrunk(read_reference(path), THUMBNAIL_SIDE), small)

    def _recommended(
        self, rgb: np.ndarray, say: Say
    ) -> tuple[list[Recommendation], int, list[str]]:
        """References to choose from, how many of the first to begin with, and notes on them."""
        index = self.pipeline.index
        if index is None:
            return [], 0, []
        say("describing")
        if not (index.index_dir / MANIFEST).is_file():
            raise FileNotFoundError(f"{index.index_dir}: the index is gone")
        self.pipeline.refresh()
        search, count = self.pipeline.search, self.limits.candidates
        query = search.query(rgb)
        used = search.chosen(query, self.options)
        known = {one.path for one in used.recommended}
        left = (one for one in search.candidates(query, count) if one.path not in known)
        others = search.readable(left, max(0, count - len(known)))
        skipped = [*used.skipped, *others.skipped][:1]
        notes = [f"A recommended reference was skipped: {line}" for line in skipped]
        return [*used.recommended, *others.recommended], len(known), [*notes, used.note]

    def _prepared(
        self, edited: EditedPhoto, picture: Picture | None = None, say: Say = silent
    ) -> PreparedPhoto:
        """The photo with its references, matched; its target is the preview."""
        if (kept := self._kept.get(_key(edited))) is not None:
            return kept
        own = [one for one in edited.picked if one.recommended is None]
        self.check_references(own)
        if not self.store.holds(str(edited.photo)):
            raise PictureError("This photo is not kept any more. Choose it again.")
        if picture is None:
            say("reading")
        rgb = (picture or read_picture(edited.photo)).rgb
        say("matching" if edited.picked else "describing")
        references = [one.recommended or read_reference(one.path) for one in edited.picked]
        prepared = self.pipeline.prepare(rgb, references, edited.options(self.options))
        prepared = replace(prepared, target=shrunk(rgb, self.limits.preview_side))
        self._kept.keep(_key(edited), prepared)
        return prepared

    def _apply(self, edited: EditedPhoto, prepared: PreparedPhoto, say: Say) -> Colorized:
        say("coloring")
        brought = [one.path for one in edited.candidates if one.recommended is None]
        # also those that undo and redo bring back
        palettes = {edit.palette for edit in (*edited.edits, *edited.undone) if edit.palette}
        self.store.keep([edited.photo, *brought, *palettes])
        palette = edited.edit.palette
        colors = read_reference(palette, "palette picture") if palette else None
        options = edited.options(self.options)
        return self.pipeline.apply(prepared, options, edited.edit.points, colors)


def _key(edited: EditedPhoto) -> Hashable:
    """What a photo is prepared for: its references, how closely it is seen, and no other wish."""
    return edited.photo, edited.picked, edited.edit.is_closer


def sources_of(edited: EditedPhoto, result: Colorized) -> Sources:
    """Where the colors of a result come from.

    Args:
        edited: the photo.
        result: of it, with these references.
    """
    if edited.edit.palette:  # it overrules references
        return Sources((), edited.edit.palette.name, len(edited.edit.points))
    names = [one.path.name for one in edited.picked]
    shares = list(zip(names, result.influence, strict=False))
    return Sources(shares, num_points=len(edited.edit.points))
