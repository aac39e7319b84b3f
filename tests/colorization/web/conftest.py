"""A running page: the server in a thread, and a small client that does what the browser does."""

import contextlib
import importlib.util
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

if any(importlib.util.find_spec(name) is None for name in ("gradio", "cachetools")):
    collect_ignore_glob = ["test_*.py"]  # the extra "web" is not installed

from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.web.file_store import Store
from colorization.web.limits import Limits
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

FILE = {"_type": "gradio.FileData"}


@pytest.fixture(scope="session")
def colorizer(backbone: Backbone, index_dir: Path) -> ColorizationPipeline:
    """With the bundled network and the index of ``library_dir``."""
    return ColorizationPipeline(backbone, PhotoIndex.open(index_dir), load_network(backbone))


@pytest.fixture
def store() -> Iterator[Store]:
    found = Store(Limits(preview_side=96))
    yield found
    found.close()


@pytest.fixture
def photo(store: Store, gray_pictures: dict[str, np.ndarray]) -> Path:
    """A gray photo in the store, as if it had been uploaded."""
    path = store.new("garage.png")
    Image.fromarray(gray_pictures["motorcycle_left"]).save(path)
    return path


@dataclass
class Served:
    """A page that is served."""

    url: str
    store: Store
    server: Any
    config: dict[str, Any] = field(default_factory=dict)

    def http(self, **settings: Any) -> Any:
        import httpx

        return httpx.Client(base_url=self.url, timeout=60, **settings)

    def upload(self, *files: Path) -> list[dict[str, Any]]:
        with self.http() as client:
            answer = client.post(
                "/gradio_api/upload", files=[("files", (f.name, f.read_bytes())) for f in files]
            )
        assert answer.status_code == 200, answer.text
        return [{"path": path, "meta": FILE} for path in answer.json()]

    def call(self, name: str, *data: Any) -> Any:
        """A named call: its values, or its error as a line."""
        with self.http() as client:
            begun = client.post(f"/gradio_api/call/{name}", json={"data": data})
            assert begun.status_code == 200, begun.text
            return ended(client.get(f"/gradio_api/call/{name}/{begun.json()['event_id']}").text)

    def download(self, file: dict[str, Any], folder: Path) -> Path:
        with self.http() as client:
            answer = client.get(f"/gradio_api/file={file['path']}")
        assert answer.status_code == 200, answer.text
        path = folder / Path(file["path"]).name
        path.write_bytes(answer.content)
        return path

    def page(self) -> "Page":
        return Page(self)


def ended(stream: str) -> Any:
    """What the events of a named call end with."""
    lines = [line for line in stream.splitlines() if line]
    kind, value = lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))
    return value["error"] if kind == "error" else value


class Page:
    """One visitor: events by the id of what is touched, as the browser sends them."""

    def __init__(self, served: Served) -> None:
        self.served, self.session = served, uuid.uuid4().hex
        if not served.config:
            with served.http() as client:
                served.config = client.get("/config").json()
        self.ids = {
            part["props"].get("elem_id"): part["id"] for part in served.config["components"]
        }
        self.names = {number: name for name, number in self.ids.items() if name}

    def touch(self, name: str, event: str, *values: Any, data: Any = None) -> dict[str, Any]:
        """Fire an event: ``values`` are those of its inputs that are no state; what changes comes back by id."""
        found = next(
            one
            for one in self.served.config["dependencies"]
            if [self.ids[name], event] in map(list, one["targets"])
        )
        states = {
            part["id"] for part in self.served.config["components"] if part["type"] == "state"
        }
        given = iter(values)
        body = {
            "data": [None if number in states else next(given) for number in found["inputs"]],
            "fn_index": found["id"], "session_hash": self.session, "event_data": data, "trigger_id": self.ids[name],
        }  # fmt: skip
        with self.served.http() as client:
            begun = client.post("/gradio_api/queue/join", json=body)
            if begun.status_code != 200:
                return {"refused": (begun.status_code, begun.text)}
            stream = client.get(
                "/gradio_api/queue/data", params={"session_hash": self.session}
            ).text
        messages = [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line]
        done = [one for one in messages if one["msg"] == "process_completed"][-1]
        if not done["success"]:
            return {"error": done["output"]["error"]}
        return {
            self.names[number]: value
            for number, value in zip(found["outputs"], done["output"]["data"], strict=True)
            if number in self.names and value != {"__type__": "update"}
        }


Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def serving(fast: ColorizeOptions) -> Callable[..., contextlib.AbstractContextManager[Served]]:
    """``with serving(pipeline, **limits) as served``: the page, served by a thread of this process."""

    @contextlib.contextmanager
    def run(pipeline: ColorizationPipeline, **limits: Any) -> Iterator[Served]:
        import uvicorn

        from colorization.web.server import create_app

        store = Store(replace(Limits(preview_side=96), **limits))
        config = uvicorn.Config(
            create_app(pipeline, store, fast),
            log_level="error",
            port=0,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
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
def served(
    serving: Callable[..., contextlib.AbstractContextManager[Served]],
    colorizer: ColorizationPipeline,
) -> Iterator[Served]:
    """The page with an index. Its limits are the defaults."""
    with serving(colorizer) as found:
        yield found


@pytest.fixture
def gray_file(tmp_path: Path, gray_pictures: dict[str, np.ndarray]) -> Path:
    path = tmp_path / "garage.jpg"
    Image.fromarray(gray_pictures["motorcycle_left"]).save(path, quality=95)
    return path
