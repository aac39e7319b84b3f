from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.building.changes import BuildReport
from retrieval.search import duplicate_groups as groups
from retrieval.search.duplicate_groups import duplicate_groups
from retrieval.search.photo_index import PhotoIndex


def test_an_index_without_duplicates(index: PhotoIndex) -> None:
    assert duplicate_groups(index) == []


def test_cells_are_read_only_of_what_may_be_the_same(
    index: PhotoIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PhotoIndex, "cells", lambda *_: pytest.fail("read"))
    assert duplicate_groups(index) == []


def test_groups_hold_all_variants_of_a_photo(
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    pictures: dict[str, np.ndarray],
    monkeypatch,
) -> None:
    for i in range(4):
        Image.fromarray(pictures["coffee"]).point(lambda x, i=i: x * (1 - i / 40)).save(
            photo_dir / f"coffee{i}.png"
        )
    (photo_dir / "renamed.png").write_bytes((photo_dir / "rocket.png").read_bytes())
    Image.fromarray(pictures["rocket"]).convert("L").save(photo_dir / "rocket_gray.png")
    for name in ("white", "white_again"):
        Image.new("RGB", (90, 60), (255, 255, 255)).save(photo_dir / f"{name}.png")
    Image.new("RGB", (60, 90), (255, 255, 255)).save(photo_dir / "white_upright.png")
    build(photo_dir, tmp_path / "index")
    index = PhotoIndex.open(tmp_path / "index")
    expected = [
        ["coffee.png", "coffee0.png", "coffee1.png", "coffee2.png", "coffee3.png"],
        ["renamed.png", "rocket.png", "rocket_gray.png"],
        ["white.png", "white_again.png", "white_upright.png"],
    ]
    told: list[tuple[int, int]] = []
    for block in (64, 2):
        monkeypatch.setattr(groups, "BLOCK", block)
        found = duplicate_groups(index, lambda *numbers: told.append(numbers))
        assert [[index.path(row).name for row in group] for group in found] == expected
    assert told == [(10, 10), *((done, 10) for done in range(2, 11, 2))]  # ten contents
