"""What the page does, without the page: open a photo, choose, look, write. One studio serves all visitors."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from cachetools import LRUCache

from colorization.inference.color_suggestions import Suggestion
from colorization.inference.prepared_photo import Prepared
from colorization.inference.working_size import read_reference
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.photo_files.provenance import credited
from colorization.photo_files.writer import output_suffix, what_is_lost, write_picture
from colorization.pipeline import ColorizationPipeline
from colorization.result import Colorized
from colorization.web.edit_history import Candidate, Edit, Work
from colorization.web.file_store import Store
from colorization.web.limits import Limits
from colorization.web.previews import parse_color, save_preview, shrunk
from retrieval.photos.reader import Picture, PictureError, read_picture
from retrieval.storage.manifest import MANIFEST

THUMBNAIL_SIDE = 256


@dataclass(frozen=True)
class Variant:
    """A suggestion for the whole picture.

    Attributes:
        caption: what it is.
        work: the photo with these wishes.
        rgb: the preview.
    """

    caption: str
    work: Work
    rgb: np.ndarray


class Studio:
    """Everything that needs the pipeline. Photos are prepared once and kept, the least recently used go first."""

    def __init__(
        self,
        pipeline: ColorizationPipeline,
        store: Store,
        options: ColorizeOptions = ColorizeOptions(),
    ) -> None:
        self.pipeline, self.store, self.options = pipeline, store, options
        self.limits: Limits = store.limits
        self._kept: LRUCache[object, Prepared] = LRUCache(
            self.limits.kept_bytes, lambda prepared: prepared.num_bytes
        )
        self._lock = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """Memory of the photos that are kept prepared."""
        return int(self._kept.currsize)

    def open(self, photo: Path) -> Work:
        """Take a photo and recommend references for it; without any, a note says why.

        Raises:
            PictureError: it cannot be read.
        """
        picture, note = read_picture(photo), ""
        candidates: list[Candidate] = []
        try:
            candidates, note = self._candidates(picture.rgb)
        except (ValueError, OSError) as error:
            note = f"no references are recommended: {error}"
        picks = tuple(range(min(self.options.top_k, len(candidates))))
        lost = what_is_lost(picture, photo.with_suffix(output_suffix(photo.suffix)))
        work = Work(
            photo, tuple(candidates), (Edit(picks),), "; ".join((*lost, *([note] if note else [])))
        )
        self._prepared(work, picture)
        return work

    def bring(self, work: Work, paths: Sequence[Path]) -> tuple[Work, list[str]]:
        """Use references of the visitor's own.

        Returns:
            The work with those that can be used, and a line for each that cannot: it cannot be
                read, or is gray.

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
        return work.bring(usable) if usable else work, refused

    def check_references(self, given: Sequence[object]) -> None:
        """Refuse more references of a visitor's own than memory is for.

        Raises:
            ValueError: there are too many.
        """
        if len(given) > self.limits.references:
            raise ValueError(
                f"at most {self.limits.references} references of your own, not {len(given)}"
            )

    def look(self, work: Work) -> Colorized:
        """The photo with the current wishes, at preview size.

        Raises:
            PictureError: the photo, a reference or the palette cannot be read any more.
            ValueError: a wish is out of range.
        """
        return self._apply(work, self._prepared(work))

    def original(self, work: Work) -> np.ndarray:
        """The photo as it was dropped, at preview size."""
        return self._prepared(work).target

    def suggest(self, work: Work, x: float, y: float) -> list[Suggestion]:
        """Likely colors of a place, the most likely first.

        Raises:
            ValueError: the place is outside the picture.
        """
        return self.pipeline.suggest_colors(self._prepared(work), x, y, options=self.options)

    def put(self, work: Work, x: float, y: float, color: str) -> Work:
        """Put a color on a place, instead of one that was put on the very same.

        Raises:
            ValueError: it is no color, the place is outside the picture, or there are too many.
        """
        others = (point for point in work.edit.points if (point.x, point.y) != (x, y))
        return work.change("", points=(*others, Point.of_color(x, y, parse_color(color))))

    def variants(self, work: Work) -> list[Variant]:
        """The photo in several ways that differ in references, saturation or vividness, to choose from."""
        ways = [
            ("as it is", work),
            ("careful", work.change("", vividness=0.0)),
            ("bolder", work.change("", saturation=1.4)),
        ]
        if work.edit.picks:
            ways.append(("no reference", work.change("", picks=())))
        if len(work.edit.picks) > 1:
            ways += [
                (f"only {work.candidates[i].path.name}", work.change("", picks=(i,)))
                for i in work.edit.picks
            ]
        found: dict[bytes, Variant] = {}
        for caption, way in ways:
            rgb = self.look(way).rgb
            found.setdefault(rgb.tobytes(), Variant(caption, way, rgb))
        return list(found.values())

    def write(self, work: Work) -> Path:
        """Colorize at full size and write a file as ``rechroma colorize`` does: format, size, depth, metadata.

        Raises:
            PictureError, OSError: the photo cannot be read any more, or the result cannot be
                written.
        """
        picture = read_picture(work.photo)
        result = self._apply(work, replace(self._prepared(work), target=picture.rgb))
        path = self.store.new(f"{work.photo.stem}-color{output_suffix(work.photo.suffix)}")
        shares = [
            (one.path.name, share)
            for one, share in zip(work.picked, result.influence, strict=False)
        ]
        palette = work.edit.palette.name if work.edit.palette else ""
        write_picture(path, result.rgb, credited(picture, shares, palette, len(work.edit.points)))
        return path

    def thumbnail(self, candidate: Candidate) -> Path:
        """A small picture of a reference, in the store."""
        key = sha256(str(candidate.path).encode(errors="surrogateescape")).hexdigest()
        path = self.store.folder / "thumbnails" / f"{key}.jpg"
        return (
            path
            if path.is_file()
            else save_preview(shrunk(read_reference(candidate.path), THUMBNAIL_SIDE), path)
        )

    def _candidates(self, rgb: np.ndarray) -> tuple[list[Candidate], str]:
        index = self.pipeline.index
        if index is None:
            return [], ""
        if not (index.index_dir / MANIFEST).is_file():
            raise FileNotFoundError(f"{index.index_dir}: the index is gone")
        self.pipeline.refresh()
        found, _, skipped = self.pipeline.recommend_readable(rgb, self.limits.candidates)
        note = f"a recommended reference was skipped: {skipped[0]}" if skipped else ""
        return [Candidate(one.path, one) for one in found], note

    def _prepared(self, work: Work, picture: Picture | None = None) -> Prepared:
        """The photo with its references, matched; its target is the preview."""
        key = (work.photo, work.picked)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        self.check_references([one for one in work.picked if one.recommended is None])
        if not self.store.holds(str(work.photo)):
            raise PictureError("the photo is not kept any more; drop it again")
        rgb = (picture or read_picture(work.photo)).rgb
        references = [one.recommended or read_reference(one.path) for one in work.picked]
        prepared = self.pipeline.prepare(rgb, references, self.options)
        prepared = replace(prepared, target=shrunk(rgb, self.limits.preview_side))
        with self._lock:
            if prepared.num_bytes <= self.limits.kept_bytes:
                self._kept[key] = prepared
        return prepared

    def _apply(self, work: Work, prepared: Prepared) -> Colorized:
        brought = [one.path for one in work.candidates if one.recommended is None]
        # also those that undo and redo bring back
        palettes = {edit.palette for edit in (*work.edits, *work.undone) if edit.palette}
        self.store.keep([work.photo, *brought, *palettes])
        palette = (
            read_reference(work.edit.palette, "palette picture") if work.edit.palette else None
        )
        return self.pipeline.apply(prepared, work.options(self.options), work.edit.points, palette)
