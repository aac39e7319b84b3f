"""A running page: the server in a thread, and a small client that asks as the browser does."""

import contextlib
import importlib.util
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

if any(importlib.util.find_spec(name) is None for name in ("starlette", "cachetools")):
    collect_ignore_glob = ["test_*.py", "static/test_*.py"]  # the extra "web" is not installed

from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.web.editing.photo_editor import PhotoEditor
from colorization.web.storage.file_store import FileStore
from colorization.web.storage.limits import Limits
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone


@pytest.fixture(scope="session")
def colorizer(backbone: Backbone, index_dir: Path) -> ColorizationPipeline:
    """With the bundled network and the index of ``library_dir``."""
    return ColorizationPipeline(backbone, PhotoIndex.open(index_dir), load_network(backbone))


@pytest.fixture(scope="session")
def without_index(colorizer: ColorizationPipeline) -> ColorizationPipeline:
    return ColorizationPipeline(colorizer.backbone, None, colorizer.network)


@pytest.fixture
def store() -> Iterator[FileStore]:
    found = FileStore(Limits(preview_side=96))
    yield found
    found.close()


@pytest.fixture
def editor(colorizer: ColorizationPipeline, store: FileStore, fast: ColorizeOptions) -> PhotoEditor:
    return PhotoEditor(colorizer, store, fast)


@pytest.fixture
def photo(store: FileStore, gray_pictures: dict[str, np.ndarray]) -> Path:
    """A gray photo in the store, as if it had been uploaded."""
    path = store.new("garage.png")
    Image.fromarray(gray_pictures["motorcycle_left"]).save(path)
    return path


@pytest.fixture
def gray_file(tmp_path: Path, gray_pictures: dict[str, np.ndarray]) -> Path:
    path = tmp_path / "garage.jpg"
    Image.fromarray(gray_pictures["motorcycle_left"]).save(path, quality=95)
    return path


@dataclass
class Served:
    """A page that is served.

    Attributes:
        steps: that the last request was told.
    """

    url: str
    store: FileStore
    server: Any
    steps: list[str] = field(default_factory=list)

    def http(self, **settings: Any) -> Any:
        import httpx

        return httpx.Client(base_url=self.url, timeout=60, **settings)

    def ask(self, path: str, **sent: Any) -> Any:
        """Ask as the page does: the value at the end, or ``{"error": line}``."""
        with self.http() as client:
            answer = client.post(path, **sent) if sent else client.get(path)
        if answer.status_code != 200:
            assert "\n" not in answer.text, answer.text
            return {"error": answer.text}
        if "ndjson" not in answer.headers["content-type"]:
            return answer.json()
        lines = [json.loads(line) for line in answer.text.splitlines()]
        self.steps = [line["step"] for line in lines if "step" in line]
        return lines[-1] if "error" in lines[-1] else lines[-1]["done"]

    def send(self, path: str, name: str, *files: Path, **fields: Any) -> Any:
        """Ask with files in a form."""
        sent = [(name, (file.name, file.read_bytes())) for file in files]
        return self.ask(path, files=sent, data=fields)

    def open(self, file: Path) -> dict[str, Any]:
        found: dict[str, Any] = self.send("/api/photos", "photo", file)
        return found

    def edit(self, view: dict[str, Any], do: str, doubt: bool = False, **more: Any) -> Any:
        path = f"/api/photos/{view['name']}/edits?doubt={str(doubt).lower()}"
        return self.ask(path, json={"do": do, **more})

    def download(self, url: str, folder: Path) -> Path:
        with self.http() as client:
            answer = client.get(url)
        assert answer.status_code == 200, answer.text
        path = folder / url.rpartition("/")[2]
        path.write_bytes(answer.content)
        return path


Serve = Callable[..., contextlib.AbstractContextManager[Served]]


@pytest.fixture(scope="session")
def serving(fast: ColorizeOptions) -> Serve:
    """``with serving(pipeline, **limits) as served``: the page, served by a thread."""

    @contextlib.contextmanager
    def run(pipeline: ColorizationPipeline, **limits: Any) -> Iterator[Served]:
        import uvicorn

        from colorization.web.server import create_app

        store = FileStore(replace(Limits(preview_side=96), **limits))
        app = create_app(pipeline, store, fast)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", port=0, timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        limit = time.monotonic() + 60
        while not server.started and time.monotonic() < limit:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield Served(f"http://127.0.0.1:{port}", store, server)
        finally:
            server.should_exit = True
            thread.join(60)

    return run


@pytest.fixture(scope="session")
def served(serving: Serve, colorizer: ColorizationPipeline) -> Iterator[Served]:
    """The page with an index. Its limits are the defaults."""
    with serving(colorizer) as found:
        yield found
