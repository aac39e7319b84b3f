"""The server of the page, which ends quietly."""

import logging
from types import FrameType

import uvicorn


class PageServer(uvicorn.Server):
    """Says nothing of what it breaks off once it is to end; its log would hold tracebacks of it."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Learn of a signal that ends the server: in order, or at once where it comes again.

        Args:
            sig: its number.
            frame: what was at work.
        """
        logging.getLogger("uvicorn.error").disabled = True
        super().handle_exit(sig, frame)
