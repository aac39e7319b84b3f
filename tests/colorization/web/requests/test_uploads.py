import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from colorization.web.requests.uploads import UNREADABLE, Form, Uploads
from colorization.web.storage.file_store import FileStore
from retrieval.photos.reader import PictureError

NAMELESS = b"--a\r\nContent-Disposition: form-data\r\n\r\nx\r\n--a--"


@pytest.fixture
def receive(store: FileStore) -> Any:
    """``receive(files=..., data=...)``: what becomes of a request; its error as a line."""
    uploads, forms = Uploads(store), list[Form]()

    async def take(request: Request) -> Response:
        try:
            forms.append(await uploads.receive(request))
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/", take, methods=["POST"])])

    def run(**sent: Any) -> Form | str:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.post("/", **sent)

        answer = asyncio.run(once())
        return answer.text or forms[-1]

    return run


def test_files_go_into_the_store_under_their_names(
    receive: Any, store: FileStore, gray_file: Path
) -> None:
    content = gray_file.read_bytes()
    form = receive(
        files=[("photo", ("../../x/mum.jpg", content)), ("photo", ("mum.jpg", content))],
        data={"x": ["1", "2"]},
    )
    first, second = form.files["photo"]
    assert first.name == second.name == "mum.jpg" and first != second
    assert store.holds(str(first)) and first.read_bytes() == content
    assert (form.fields, form.field("x"), form.field("y", "7")) == ({"x": ["1", "2"]}, "2", "7")
    assert form.refused == []


def test_a_picture_without_a_name_is_named_by_its_content(
    receive: Any, store: FileStore, gray_file: Path
) -> None:
    """As ``curl -F photo=@-``, bytes of httpx and blobs of JavaScript come."""
    form = receive(files=[("photo", ("-", gray_file.read_bytes()))])
    assert form.file("photo").name == "-.jpg" and store.holds(str(form.file("photo")))


def test_what_is_no_picture_is_refused_and_goes(
    receive: Any, store: FileStore, gray_file: Path
) -> None:
    files = [("photo", ("a.jpg", b"nonsense")), ("photo", ("b.jpg", gray_file.read_bytes()))]
    form = receive(files=files)
    assert [path.name for path in form.files["photo"]] == ["b.jpg"]
    assert form.refused == ["a.jpg is damaged, or no picture. Choose another."]
    assert not list(store.folder.rglob("a.jpg"))
    assert len(list(form.files["photo"][0].parent.parent.iterdir())) == 1  # nor its folder
    with pytest.raises(PictureError, match=r"a\.jpg is damaged"):
        form.file("photo")


def test_exactly_one_file_is_wanted(gray_file: Path) -> None:
    assert Form({"photo": [gray_file]}).file("photo") == gray_file
    for form in (Form(), Form({"photo": [gray_file] * 2})):
        with pytest.raises(ValueError, match="one file is wanted as photo"):
            form.file("photo")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"x", "multipart/form-data; boundary=a"),
        (b"x", "multipart/form-data"),
        (NAMELESS, "multipart/form-data; boundary=a"),
    ],
)
def test_what_cannot_be_read_is_told(receive: Any, content: bytes, kind: str) -> None:
    assert receive(content=content, headers={"content-type": kind}) == UNREADABLE


def test_too_many_files_are_told(receive: Any) -> None:
    assert receive(files=[("photo", ("a.jpg", b"x"))] * 201) == UNREADABLE


def test_room_is_made_before_it_is_needed(
    receive: Any, store: FileStore, gray_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(FileStore, "sweep", lambda self, coming=0: asked.append(coming))
    receive(files=[("photo", ("b.jpg", gray_file.read_bytes()))])
    assert asked[0] >= gray_file.stat().st_size
