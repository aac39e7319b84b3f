"""Read mutated films, each in at most LIMIT seconds, and print what became of them as JSON.

    python tests/colorization/video/hardship/fuzz_films.py FOLDER COUNT SEED

It is a process of its own, so that a crash of a decoder ends only it; FOLDER/now.* is then the film
that did it.
"""

import json
import signal
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3] / "helpers"))

from odd_films import odd_film
from peak_memory import peak_bytes

from colorization.video.container.trial import check_container
from colorization.video.film_reader import Film, FilmError

LIMIT = 5.0  # seconds a film
KINDS = {".mp4": ("libx264", "aac"), ".mkv": ("libx264", "pcm_s16le"), ".avi": ("mpeg4", "mp2")}


class SlowError(BaseException):
    """A film took longer than LIMIT; no ``except Exception`` swallows it."""


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A film with some bytes changed, a part missing, or its end cut off."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        found[int(rng.integers(len(found)))] = int(rng.integers(256))
    kind = rng.integers(4)
    if kind == 0:
        del found[int(rng.integers(len(found))) :]
    elif kind == 1:
        start = int(rng.integers(len(found)))
        del found[start : start + int(rng.integers(200))]
    return bytes(found)


def read(path: Path, folder: Path, deeply: bool) -> str:
    """Decode a film, and try to write what stands beside it."""
    try:
        film = Film(path, allow_damaged=deeply)
        count = sum(1 for _ in film.frames())
        if deeply:
            check_container(film, folder / "out.mkv", folder)
        return "decoded" if count else "problem: no frame and no reason"
    except FilmError as error:
        line = str(error)
        return "refused" if "\n" not in line and "now." in line + "out." else f"problem: {line}"
    except SlowError:
        return "problem: slow"
    except Exception as error:
        return f"problem: {type(error).__name__}: {error}"


def main(folder: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(SlowError()))
    lumas = [rng.integers(0, 255, (32, 48), dtype=np.uint8) // 2 + i for i in range(4)]
    films = {
        suffix: odd_film(folder / f"film{suffix}", lumas, codec, [sound], 0.2).read_bytes()
        for suffix, (codec, sound) in KINDS.items()
    }
    report: dict[str, object] = {"decoded": 0, "refused": 0, "problems": []}
    for number in range(count):
        suffix = list(KINDS)[number % len(KINDS)]
        path = folder / f"now{suffix}"
        path.write_bytes(mutated(films[suffix], rng))
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
        said = read(path, folder, number % 2 == 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        path.unlink()
        if said in report:
            report[said] = int(str(report[said])) + 1
        else:
            report["problems"].append(f"{number} {suffix} {said}")  # type: ignore[attr-defined]
    print(json.dumps(report | {"peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
