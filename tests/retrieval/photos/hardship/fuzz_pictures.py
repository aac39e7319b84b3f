"""Read mutated pictures, each in at most LIMIT seconds, and print what became of them as JSON.

    python tests/retrieval/photos/hardship/fuzz_pictures.py FOLDER COUNT SEED

It is a process of its own, so that a crash of a decoder ends only it; FOLDER/now.* is then the file
that did it.
"""

import io
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[3] / "helpers"))

from peak_memory import peak_bytes

from retrieval.photos.reader import PictureError, read_picture, read_small_rgb

LIMIT = 2.0  # seconds a file
NUMBERS = (0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFE, 0xFF)


class SlowError(BaseException):
    """A picture took longer than LIMIT; no ``except Exception`` swallows it."""


def encoded(picture: np.ndarray) -> dict[str, list[bytes]]:
    """One small picture in every format and layout that people have, by suffix."""
    image = Image.fromarray(picture)
    deep = (picture.astype(np.uint16) * 257)[..., 0]
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a photograph"

    def saved(what: Image.Image, kind: str, **options: object) -> bytes:
        buffer = io.BytesIO()
        what.save(buffer, kind, **options)
        return buffer.getvalue()

    def tiff(what: np.ndarray, **options: object) -> bytes:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, what, **options)  # type: ignore[arg-type]
        return buffer.getvalue()

    clear = image.convert("RGBA")
    clear.putalpha(image.convert("L"))
    return {
        ".jpg": [
            saved(image, "JPEG", exif=exif), saved(image, "JPEG", progressive=True),
            saved(image.convert("L"), "JPEG"), saved(image.convert("CMYK"), "JPEG"),
        ],
        ".png": [
            saved(image, "PNG"), saved(clear, "PNG"),
            saved(image.convert("P"), "PNG", transparency=0),
            saved(Image.fromarray(deep), "PNG"), saved(image.convert("1"), "PNG"),
        ],
        ".tif": [
            saved(image, "TIFF", exif=exif), saved(image, "TIFF", compression="tiff_lzw"),
            saved(image, "TIFF", compression="jpeg"),
            tiff(deep), tiff(np.stack([deep] * 3, 2), photometric="rgb"),
            tiff(picture, photometric="rgb", tile=(16, 16)),
            tiff(picture[..., 0], compression="zlib"),
        ],
        ".webp": [saved(image, "WEBP"), saved(clear, "WEBP", lossless=True)],
        ".gif": [
            saved(image, "GIF"),
            saved(image, "GIF", save_all=True, append_images=[image.rotate(90)]),
        ],
        ".bmp": [saved(image, "BMP")],
        ".ppm": [saved(image, "PPM")],
        ".avif": [saved(image, "AVIF")],
    }  # fmt: skip


def mutated(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """One to four of the things that happen to files.

    Bits flip, ends and middles are lost, blocks are doubled or mixed.
    """
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        size = len(out)
        if size < 2:
            break
        # headers matter most: half of all places are in the first hundred bytes
        at = int(rng.integers(0, min(size, 100) if rng.random() < 0.5 else size))
        run = min(size - at, int(rng.geometric(1 / 12)))
        match int(rng.integers(0, 7)):
            case 0:
                out[at] ^= 1 << int(rng.integers(0, 8))
            case 1:
                out[at : at + run] = bytes([int(rng.choice(NUMBERS))]) * run
            case 2:
                out[at : at + run] = rng.integers(0, 256, run, dtype=np.uint8).tobytes()
            case 3:
                del out[max(1, at) :]
            case 4:
                del out[at : at + run]
            case 5:
                out[at:at] = out[at : at + run] * int(rng.integers(1, 9))
            case 6:
                out[at:] = other[at:]
    return bytes(out)


def main(folder: Path, count: int, seed: int) -> None:
    """Mutate, read, count."""
    rng = np.random.default_rng(seed)
    shape = 40, 48, 3
    picture = np.linspace(0, 255, 40 * 48 * 3).reshape(shape).astype(np.uint8) ^ rng.integers(
        0, 32, shape, dtype=np.uint8
    )
    kinds = encoded(picture)
    flat = [(suffix, data) for suffix, all_ in kinds.items() for data in all_]
    for suffix, data in flat:  # as they are, all can be read
        place = folder / f"now{suffix}"
        place.write_bytes(data)
        assert read_picture(place).rgb.shape[2] == 3, suffix

    def too_slow(_signal: int, _frame: object) -> None:
        raise SlowError

    signal.signal(signal.SIGALRM, too_slow)
    seen: Counter[str] = Counter()
    problems: list[str] = []
    longest = 0.0
    for number in range(count):
        suffix, data = flat[int(rng.integers(len(flat)))]
        mutant = mutated(data, flat[int(rng.integers(len(flat)))][1], rng)
        place = folder / f"now{suffix}"
        place.write_bytes(mutant)
        started = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 2 * LIMIT)
        try:
            read = read_picture(place).rgb if number % 2 else read_small_rgb(place, 32)
            seen[
                "decoded" if read.ndim == 3 and read.shape[2] == 3 and read.size else "malformed"
            ] += 1
        except PictureError as error:
            seen[
                "refused"
                if str(place) in str(error) and "\n" not in str(error)
                else "without a reason"
            ] += 1
        except BaseException as error:  # whatever it is, it is to be reported
            problems.append(f"{number} {suffix} {type(error).__name__}: {error}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        took = time.monotonic() - started
        if took > longest:
            longest = took
        if took > LIMIT:
            problems.append(f"{number} {suffix} took {took:.1f} s")
    print(
        json.dumps(
            {**seen, "problems": problems, "longest_seconds": longest, "peak_bytes": peak_bytes()}
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
