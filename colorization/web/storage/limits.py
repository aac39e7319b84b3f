"""What the web page may take of a machine; bounds of single values stand where these are read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much the page takes, so that no visitor and no crowd can bring it down.

    Attributes:
        upload_bytes: of an uploaded file.
        request_bytes: of all files of a request.
        pixels: of an uploaded picture.
        waiting: requests that may wait; one more is told that the page is busy.
        at_once: requests that are worked on at the same time.
        kept_bytes: of prepared photos in memory; the one not used for longest goes first.
        open_photos: photos whose edits are remembered; the one not used for longest goes first.
        queued_photos: photos that are colorized one after the other in one queue.
        queued_bytes: of the results of one queue, whose zip must fit beside them.
        stored_bytes: of uploads and results on disk; the oldest go first.
        stored_seconds: after which a file that was not used is removed.
        preview_side: longer side of the pictures on the page, in pixels.
        candidates: recommended references to choose from.
        references: of a visitor's own for one photo; the features of all are in memory together.
        looked_at: uploads that are looked at at the same time: a small file may decode to a large
            picture.
    """

    upload_bytes: int = 100 << 20
    request_bytes: int = 400 << 20
    pixels: int = 60_000_000
    waiting: int = 64
    at_once: int = 1
    kept_bytes: int = 1 << 30
    open_photos: int = 2000
    queued_photos: int = 1000
    queued_bytes: int = 1600 << 20
    stored_bytes: int = 4 << 30
    stored_seconds: float = 6 * 3600.0
    preview_side: int = 1024
    candidates: int = 6
    references: int = 12
    looked_at: int = 2
