"""The library that references are recommended from; the page can index a folder for one."""

import os
import threading
from hashlib import sha256
from pathlib import Path

from colorization.web.editing.photo_editor import PhotoEditor
from colorization.web.messages import told
from colorization.web.requests.upload_checks import safe_name
from retrieval.building.builder import BuildOptions, build_index
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import read_manifest
from retrieval.typed_command import typed
from similarity.backbone.backbone import Backbone

INDEXES = Path("indexes")  # below the folder that the server was started in
BUSY = "A folder is being indexed already."
ELSEWHERE = "Folders can only be indexed on the machine that Rechroma runs on."


class StoppedError(Exception):
    """The server ends while a folder is being indexed; what was described is kept."""


class Library:
    """Says what references are recommended from, and indexes a folder on demand."""

    def __init__(self, editor: PhotoEditor, may_index: bool) -> None:
        """Watch over the library of an editor.

        Args:
            editor: recommends from an index that was made here as soon as it is ready.
            may_index: whether visitors may have a folder of this machine indexed.
        """
        self._editor, self._may_index = editor, may_index
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._progress: tuple[int, int] | None = None
        self._told, self._error = "", ""

    def state(self) -> dict[str, object]:
        """What a page shows of the library."""
        index = self._editor.pipeline.index
        pictures = Path.home() / "Pictures"
        with self._lock:
            progress, line, error = self._progress, self._told, self._error
        return {
            "index": index.index_dir.name if index else "",
            "count": index.manifest.count if index else 0,
            "may_index": self._may_index,
            "folder": str(pictures) if pictures.is_dir() else "",
            "progress": list(progress) if progress else None,
            "told": line,
            "error": error,
        }

    def start(self, text: str) -> None:
        """Begin to index a folder, in a thread of its own.

        Args:
            text: the folder, as it was typed.

        Raises:
            ValueError: visitors may not, the folder is not there, or one is being indexed.
        """
        if not self._may_index:
            raise ValueError(ELSEWHERE)
        written = text.strip().strip("\"'")  # as a path is copied from Windows
        folder = Path(os.path.expanduser(written))  # noqa: PTH111 - never raises, whoever is meant
        if folder.is_absolute() and folder.is_file():
            raise ValueError("This is a file. Type the path of the folder that it is in.")
        if not written or not folder.is_absolute() or not folder.is_dir():
            raise ValueError("There is no such folder. Type its whole path.")
        with self._lock:
            if self._progress is not None:
                raise ValueError(BUSY)
            self._progress, self._told, self._error = (0, 0), "", ""
        self._thread = threading.Thread(target=self._run, args=(folder,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop indexing; the same folder goes on where it stopped."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, folder: Path) -> None:
        line, error = "", ""
        try:
            index_dir = _index_of(folder, self._editor.pipeline.backbone)
            # no processes of its own: this one has threads, which do not survive a fork
            report = build_index(
                [folder],
                index_dir,
                self._editor.pipeline.backbone,
                BuildOptions(workers=0),
                self._note,
            )
            line = f"{report.count} photos of {folder.name} are indexed"
            if report.unreadable:
                line += f", {len(report.unreadable)} more files cannot be read"
            index, before = PhotoIndex.open(index_dir), self._editor.pipeline.index
            if (gray := int(index.gray.sum())) and not index.note:
                line += f", {gray} of them gray, which are never recommended"
            if index.note and before and not before.note:  # grays do not take a library's place
                line += f"; {index.note}. {before.index_dir.name} stays in use."
            else:
                self._editor.use_index(index)
                command = typed("rechroma", "serve", "--index", index_dir)
                line += f"; {index.note}." if index.note else f". Next time, start with: {command}"
        except StoppedError:
            pass
        except Exception as failure:  # whatever it is, the page says so and lives on
            error = told(failure)
        with self._lock:
            self._progress, self._told, self._error = None, line, error

    def _note(self, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise StoppedError
        with self._lock:
            self._progress = (done, total)


def _index_of(folder: Path, backbone: Backbone) -> Path:
    """Where a folder is indexed: under its name, unless another index has that.

    Another one is of other photos, or was built with other weights, perhaps for hours.
    """
    plain = INDEXES / safe_name(folder.name)
    try:
        found = read_manifest(plain)
    except FileNotFoundError:
        return plain
    is_ours = (found.backbone, found.weights_hash) == (backbone.name, backbone.weights_hash)
    if is_ours and folder.resolve() in [Path(root).resolve() for root in found.roots]:
        return plain
    own = sha256(os.fsencode(folder.resolve())).hexdigest()[:8]
    return plain.with_name(f"{plain.name}-{own}")
