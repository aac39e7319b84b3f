"""What all tests share.

Run-time type checks, seeds, no network, small photos, a small index, odd files.
"""

import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import skimage.data
import torch
from jaxtyping import install_import_hook
from PIL import Image

pytest.register_assert_rewrite(
    "fake_evaluation", "fake_pipeline", "findings", "index_state", "study_page"
)  # of helpers, which may check things themselves
# before anything imports them
install_import_hook(["similarity", "retrieval", "colorization"], "beartype.beartype")

from retrieval.building.builder import BuildOptions, build_index  # noqa: E402
from retrieval.building.changes import BuildReport  # noqa: E402
from retrieval.search.photo_index import PhotoIndex  # noqa: E402
from similarity.backbone.backbone import Backbone, load_backbone  # noqa: E402

SIDE = 128  # short side of the made photos
IN_PROCESS = BuildOptions(workers=0, batch=3, shard_photos=3)  # no worker processes, several shards


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No builder replaces what ``verify`` looks at again."""
    monkeypatch.setattr("retrieval.maintenance.verify.PAUSE", 0.0)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection but to this machine itself fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if (
            self.family != socket.AF_UNIX
            and isinstance(address, tuple)
            and address[0] not in ("127.0.0.1", "::1", "localhost")
        ):
            raise OSError(f"tests are offline, asked for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def pictures() -> dict[str, np.ndarray]:
    """scikit-image's bundled photographs, RGB uint8, short side 128. Treat as read-only."""
    left, right, _ = skimage.data.stereo_motorcycle()
    full = {
        name: getattr(skimage.data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")
    }
    full |= {"motorcycle_left": left, "motorcycle_right": right}
    full |= {"hubble": skimage.data.hubble_deep_field(), "retina": skimage.data.retina()}
    small = {}
    for name, rgb in full.items():
        scale = SIDE / min(rgb.shape[:2])
        size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
        small[name] = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))
        small[name].setflags(write=False)
    return small


@pytest.fixture(scope="session")
def gray_pictures(pictures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same photographs as (height, width) uint8, Pillow's luma."""
    return {name: np.asarray(Image.fromarray(rgb).convert("L")) for name, rgb in pictures.items()}


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    """The bundled vgg19-slim."""
    return load_backbone()


def write_photos(folder: Path, pictures: dict[str, np.ndarray]) -> Path:
    """Write pictures as PNG files ``<name>.png``, motorcycle_right into a subfolder."""
    for name, rgb in pictures.items():
        path = folder / ("sub" if name == "motorcycle_right" else "") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).save(path)
    return folder


@pytest.fixture(scope="session")
def library_dir(tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, np.ndarray]) -> Path:
    """A photo library of eight files, one of them in a subfolder. Treat as read-only."""
    return write_photos(tmp_path_factory.mktemp("library"), pictures)


@pytest.fixture
def photo_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """A library of four photos that a test may change."""
    return write_photos(
        tmp_path / "photos",
        {name: pictures[name] for name in ("astronaut", "chelsea", "coffee", "rocket")},
    )


@pytest.fixture(scope="session")
def index_dir(
    tmp_path_factory: pytest.TempPathFactory, library_dir: Path, backbone: Backbone
) -> Path:
    """An index of ``library_dir`` in three shards. Treat as read-only."""
    folder = tmp_path_factory.mktemp("index")
    build_index([library_dir], folder / "index", backbone, IN_PROCESS)
    return folder / "index"


@pytest.fixture
def index(index_dir: Path) -> PhotoIndex:
    return PhotoIndex.open(index_dir)


@pytest.fixture
def build(backbone: Backbone) -> Callable[..., BuildReport]:
    """``build(photos, index_dir, **options)`` in this process, three photos a shard."""

    def run(
        photos: Path | list[Path],
        folder: Path,
        progress: Callable[[int, int], None] | None = None,
        **options: object,
    ) -> BuildReport:
        chosen = BuildOptions(**{**IN_PROCESS.__dict__, **options})  # type: ignore[arg-type]
        return build_index(
            photos if isinstance(photos, list) else [photos], folder, backbone, chosen, progress
        )

    return run


@pytest.fixture
def own_index(photo_dir: Path, tmp_path: Path, build: Callable[..., BuildReport]) -> Path:
    """An index of ``photo_dir`` that a test may break: four photos in two shards."""
    build(photo_dir, tmp_path / "index")
    return tmp_path / "index"


class OddFiles(NamedTuple):
    """Paths by kind of file."""

    unusable: dict[str, Path]
    usable: dict[str, Path]


@pytest.fixture(scope="session")
def odd_files(
    tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, np.ndarray]
) -> OddFiles:
    """Files as people have them.

    Unusable ones (empty, truncated, not a picture) and unusual but usable ones.
    """
    folder = tmp_path_factory.mktemp("odd")
    rgb = Image.fromarray(pictures["chelsea"])
    (folder / "empty.jpg").write_bytes(b"")
    rgb.save(folder / "whole.jpg", quality=90)
    data = (folder / "whole.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(data[: len(data) // 2])
    (folder / "text.png").write_text("not a picture\n")
    rgb.save(folder / "whole.png")
    data = (folder / "whole.png").read_bytes()
    (folder / "truncated.png").write_bytes(data[: len(data) // 2])
    unusable = {
        name: folder / name for name in ("empty.jpg", "truncated.jpg", "text.png", "truncated.png")
    }

    Image.fromarray(np.array([[[200, 30, 40]]], np.uint8)).save(folder / "one_pixel.png")
    ramp = np.linspace(0, 255, 20000).astype(np.uint8)
    long = np.empty((100, 20000, 3), np.uint8)
    long[...] = np.stack((ramp, ramp[::-1], np.full_like(ramp, 90)), 1)
    Image.fromarray(long).save(folder / "long.png", compress_level=1)
    frames = [rgb.resize((48, 32)), Image.new("RGB", (48, 32), (0, 0, 255))]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:], duration=40)
    rgb.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    rgb.quantize(64).save(folder / "palette.png")
    rgba = np.dstack(
        (
            pictures["chelsea"],
            np.linspace(0, 255, pictures["chelsea"].shape[1])
            .astype(np.uint8)[None]
            .repeat(SIDE, 0),
        )
    )
    Image.fromarray(rgba).save(folder / "alpha.png")
    deep = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    Image.fromarray(deep).save(folder / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, to be turned by 90 degrees clockwise
    rgb.rotate(90, expand=True).save(folder / "rotated.jpg", exif=exif, quality=95)
    names = (
        "one_pixel.png",
        "long.png",
        "animated.gif",
        "cmyk.jpg",
        "palette.png",
        "alpha.png",
        "deep.png",
        "rotated.jpg",
        "whole.jpg",
        "whole.png",
    )
    return OddFiles(unusable, {name: folder / name for name in names})


@pytest.fixture(scope="session")
def wide_profile() -> Callable[[float], bytes]:
    """An ICC profile with the primaries of Display P3, as of telephones, and a gamma."""

    def make(gamma: float) -> bytes:
        text = b"wide\0"
        white = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
        primaries = {
            b"r": (0.5151, 0.2412, -0.0011),
            b"g": (0.2919, 0.6922, 0.0419),
            b"b": (0.1572, 0.0666, 0.7841),
        }
        tags = {
            b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
            b"cprt": b"text" + bytes(4) + text,
            b"wtpt": b"XYZ " + bytes(4) + white,
        }
        for channel, xyz in primaries.items():
            tags[channel + b"XYZ"] = (
                b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in xyz))
            )
            tags[channel + b"TRC"] = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
        table, data, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
        for name, value in tags.items():
            table += struct.pack(">4sII", name, start + len(data), len(value))
            data += value + bytes(-len(value) % 4)
        header = struct.pack(
            ">I4sI4s4s4s", start + len(data), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ "
        )
        header += bytes(12) + b"acsp" + bytes(28) + white
        return header.ljust(128, b"\0") + table + data

    return make
