"""Ask people: write a page that shows pairs of pictures without saying which is which."""

import base64
import hashlib
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from colorization.inference.pictures.luminance import luminance_of
from retrieval.photos.listing import list_pictures
from retrieval.photos.reader import as_srgb, read_picture
from retrieval.safe_files import replacing

PAGE = Path(__file__).with_name("user_study_page.html")  # __STUDY__ is replaced by its JSON
SIDE = 512  # of the pictures on the page, at most
QUALITY = 92  # of their JPEGs
QUESTIONS = {"real": "Which photograph is real?", "preference": "Which colors look better?"}


def match_names(folders: Sequence[Path]) -> tuple[dict[str, list[Path]], int]:
    """Match the pictures of several folders by their path inside the folder, suffix aside.

    Args:
        folders: walked recursively.

    Returns:
        Paths by name, one for each folder in order; only names that all folders have, sorted. And
        how many other names there are.

    Raises:
        FileNotFoundError: a folder does not exist.
        ValueError: a folder holds two pictures of one name, or no name is in all folders.
    """
    listings: list[dict[str, Path]] = []
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder")
        names: dict[str, Path] = {}
        for path in list_pictures(folder):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name in names:
                raise ValueError(
                    f"{path} and {names[name].name}: two pictures of one name in a folder"
                )
            names[name] = path
        listings.append(names)
    common = set(listings[0]).intersection(*listings[1:])
    if not common:
        raise ValueError(f"no picture has the same name in {', '.join(map(str, folders))}")
    matched = {name: [names[name] for names in listings] for name in sorted(common)}
    return matched, len(set().union(*listings)) - len(common)


def build_study(
    real_dir: Path,
    result_dirs: Sequence[Path],
    output: Path,
    seed: int = 0,
    overwrite: bool = False,
    limit: int | None = None,
) -> tuple[int, int]:
    """Write the page of a study, whole or not at all.

    With one folder of results, people are asked which picture is real; with two, which result looks
    better, and the real photo is shown in gray beside them. Order and sides are shuffled; all
    pictures of a pair have one size and one encoding, and no name is shown, so that nothing but the
    pictures tells them apart.

    Args:
        real_dir: the real photos.
        result_dirs: one or two folders of colorized ones of the same names.
        output: the page, .html.
        seed: of the order and the sides.
        overwrite: replace an existing page.
        limit: at most so many pairs, drawn at random.

    Returns:
        How many pairs it shows, and how many names were left out because a folder lacks them.

    Raises:
        FileNotFoundError: a folder does not exist.
        ValueError: no name is in all folders, or a folder holds two pictures of one name; a picture
            cannot be read or is of another shape than the real one; or the page exists, or is not
            an .html file.
        OSError: the page cannot be written; what was there is as it was.
    """
    if len(result_dirs) not in (1, 2):
        raise ValueError(f"a study compares one or two folders of results, not {len(result_dirs)}")
    if output.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{output}: the page must be an .html file")
    if output.exists() and not overwrite:
        raise ValueError(f"{output}: exists; choose another --output or give --overwrite")
    by_name, unmatched = match_names([real_dir, *result_dirs])
    matched = list(by_name.items())
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(matched))[:limit]
    kind = "preference" if len(result_dirs) == 2 else "real"
    trials = [_trial(matched[i], kind, "ab"[int(rng.integers(2))]) for i in order]
    names = [folder.resolve().name for folder in (*result_dirs, real_dir)][:2]
    if names[0] == names[1]:
        names = [str(folder) for folder in (*result_dirs, real_dir)][:2]
    digest = hashlib.sha256(json.dumps(trials).encode()).hexdigest()[:16]
    study = {
        "id": digest,
        "kind": kind,
        "question": QUESTIONS[kind],
        "names": names,
        "trials": trials,
    }
    page = PAGE.read_text("utf-8")
    page = page.replace("__STUDY__", json.dumps(study).replace("<", "\\u003c"))
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output, what="page") as file:
        file.write_text(page, encoding="utf-8")
    return len(trials), unmatched


def _trial(named: tuple[str, list[Path]], kind: str, first: str) -> dict[str, str]:
    """A pair; ``first`` says on which side the result, or the first method's, is."""
    name, paths = named
    real, *results = (as_srgb(read_picture(path)) for path in paths)
    scale = min(1.0, SIDE / max(real.shape[:2]))
    size = max(1, round(real.shape[1] * scale)), max(1, round(real.shape[0] * scale))
    for path, result in zip(paths[1:], results, strict=True):
        shape = f"{result.shape[1]} x {result.shape[0]}"
        if abs(math.log(result.shape[1] / result.shape[0] * real.shape[0] / real.shape[1])) > 0.03:
            raise ValueError(
                f"{path}: {shape} is of another shape than {paths[0]},"
                f" {real.shape[1]} x {real.shape[0]}"
            )
    pair = results if kind == "preference" else [results[0], real]
    other = "b" if first == "a" else "a"
    trial = {
        "photo": name,
        "first": first,
        first: _data_uri(pair[0], size),
        other: _data_uri(pair[1], size),
    }
    if kind == "preference":
        trial["gray"] = _data_uri(luminance_of(real), size)
    return dict(sorted(trial.items()))


def _data_uri(rgb: np.ndarray, size: tuple[int, int]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS).save(
        buffer, "JPEG", quality=QUALITY, subsampling=0
    )
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
