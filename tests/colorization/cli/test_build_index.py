"""``build-index`` on an index that is up to date answers without the network.

The answer is that of the ordinary way.
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from rechroma_process import command

import colorization
from colorization.cli.machine.cores import usable_cores
from retrieval.building.builder import BuildOptions
from retrieval.building.changes import BuildReport
from retrieval.building.engines.ray_data import RayOptions
from retrieval.storage.index_folder import sole_writer

Cli = Callable[..., Result]


Refused = Callable[..., str]


Change = Callable[[Path, Path], object]  # given the photos and the index


QUICK, ORDINARY = (
    "retrieval.building.up_to_date.report_up_to_date",
    "retrieval.building.builder.build_index",
)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def manifest(index: Path) -> dict[str, object]:
    found = json.loads((index / "index.json").read_text())
    return {
        key: found[key]
        for key in (
            "backbone",
            "weights_hash",
            "pca_hash",
            "count",
            "settings",
            "unusable",
            "search",
        )
    }


def rewrite(index: Path, **fields: object) -> None:
    (index / "index.json").write_text(
        json.dumps(json.loads((index / "index.json").read_text()) | fields)
    )


CASES: dict[str, tuple[Change, list[str]]] = {
    "nothing new": (lambda photos, index: None, []),
    "the default backbone and device": (
        lambda photos, index: None,
        ["--backbone", "vgg19-slim", "--device", "cpu"],
    ),
    "the same budget": (lambda photos, index: None, ["--memory-budget", "1GiB"]),
    "another budget": (lambda photos, index: None, ["--memory-budget", "300MB"]),
    "overwrite": (lambda photos, index: None, ["--overwrite"]),
    "a new photo": (
        lambda photos, index: shutil.copy(photos / "coffee.png", photos / "new.png"),
        [],
    ),
    "a changed photo": (lambda photos, index: os.utime(photos / "coffee.png", (1, 1)), []),
    "a removed photo": (lambda photos, index: (photos / "coffee.png").unlink(), []),
    "an unusable file": (lambda photos, index: (photos / "bad.jpg").write_text("bad"), []),
    "a damaged shard": (lambda photos, index: flip(next(index.glob("features/*.h5"))), []),
    "a damaged index.faiss": (lambda photos, index: flip(index / "index.faiss"), []),
    "a damaged index.json": (lambda photos, index: (index / "index.json").write_text("{"), []),
    "another backbone": (lambda photos, index: rewrite(index, backbone="vgg19"), []),
    "no shards": (lambda photos, index: shutil.rmtree(index / "features"), []),
}


@pytest.mark.parametrize("case", CASES)
def test_the_answer_is_that_of_the_ordinary_way(
    cli: Cli,
    photo_dir: Path,
    own_index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    change, options = CASES[case]
    change(photo_dir, own_index)
    shutil.copytree(own_index, tmp_path / "copy")

    def told(index: Path) -> tuple[int, str, str]:
        result = cli("build-index", photo_dir, "--index", index, "--workers", 0, *options)
        texts = (text.replace(str(index), "INDEX") for text in (result.stdout, result.stderr))
        return result.exit_code, *(re.sub(r" in [\d.]+ s.*", "", text) for text in texts)

    ours = told(own_index)
    monkeypatch.setattr(QUICK, lambda *_: None)
    assert ours == told(tmp_path / "copy")
    if ours[0] == 0:
        assert manifest(own_index) == manifest(tmp_path / "copy")


def test_the_network_is_not_asked_where_nothing_is_new(
    cli: Cli, photo_dir: Path, own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ORDINARY, lambda *_: pytest.fail("the ordinary way"))
    result = cli("build-index", photo_dir, "--index", own_index)
    assert "4 photos (0 added, 0 changed, 0 dropped, 4 unchanged, 0 unreadable)" in result.stdout


@pytest.mark.parametrize(
    "options",
    [["--overwrite"], ["--engine", "ray"], ["--engine", "ray", "--num-workers", 1]],
    ids=str,
)
def test_options_that_always_take_the_ordinary_way(
    cli: Cli,
    photo_dir: Path,
    own_index: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[object],
) -> None:
    monkeypatch.setattr(QUICK, lambda *_: pytest.fail("not the ordinary way"))
    monkeypatch.setattr("retrieval.building.engines.ray_data.import_ray", lambda: None)
    monkeypatch.setattr(ORDINARY, lambda *_: BuildReport(7, 7, 0, 0, 0))
    assert (
        "7 photos (7 added" in cli("build-index", photo_dir, "--index", own_index, *options).stdout
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], RayOptions(num_workers=usable_cores())),
        (["--num-workers", 7], RayOptions(num_workers=7)),
        (["--ray-address", "there"], RayOptions("there")),
        (["--gpus-per-worker", 0.5], RayOptions(gpus_per_worker=0.5)),
    ],
    ids=str,
)
def test_ray_has_as_many_workers_as_there_are_cores_to_use(
    cli: Cli,
    photo_dir: Path,
    own_index: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[object],
    expected: RayOptions,
) -> None:
    seen: list[BuildOptions] = []

    def build(*given: object) -> BuildReport:
        assert isinstance(given[3], BuildOptions)
        seen.append(given[3])
        return BuildReport(7, 7, 0, 0, 0)

    monkeypatch.setattr("retrieval.building.engines.ray_data.import_ray", lambda: None)
    monkeypatch.setattr(ORDINARY, build)
    cli("build-index", photo_dir, "--index", own_index, "--engine", "ray", *options)
    assert [one.ray for one in seen] == [expected]


def test_refusals_stay_those_of_the_ordinary_way(
    cli: Cli,
    refused: Refused,
    photo_dir: Path,
    own_index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told(*options: object) -> str:
        return refused(cli("build-index", photo_dir, "--index", own_index, *options))

    with sole_writer(own_index):
        assert "another build-index is writing here" in told()
    monkeypatch.setattr(QUICK, lambda *_: pytest.fail("not the ordinary way"))
    assert "no such weights file" in told(
        "--backbone", "vgg19", "--vgg-weights", tmp_path / "none.pth"
    )
    assert "weights of one's own belong to the backbone vgg19" in told(
        "--vgg-weights", tmp_path / "none.pth"
    )
    assert "unknown backbone 'vgg16'" in told("--backbone", "vgg16")
    assert "device cuda:99 cannot be used here" in told("--device", "cuda:99")
    assert "--engine banana: choose local or ray" in told("--engine", "banana")
    assert "need --engine ray" in told("--num-workers", 2)


def test_an_index_that_is_up_to_date_is_told_without_the_network(
    index_dir: Path, library_dir: Path, tmp_path: Path
) -> None:
    shutil.copytree(index_dir, tmp_path / "index")
    heavy = "torch", "torchvision", "faiss", "scipy", "skimage", "sklearn", "PIL", "tifffile"
    told = f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    done = command(
        "rechroma", "main", ["build-index", library_dir, "--index", tmp_path / "index"], told
    )
    assert (done.returncode, done.stderr.strip()) == (0, b"[]")
    assert b"8 photos (0 added, 0 changed, 0 dropped, 8 unchanged, 0 unreadable)" in done.stdout


def test_build_index_is_a_command_of_its_own() -> None:
    done = command("build-index", "main_build_index", ["--help"])
    assert done.returncode == 0
    assert b"build-index [OPTIONS]" in done.stdout
    assert b"build-index build-index" not in done.stdout
    done = command("build-index", "main_build_index", ["--version"])
    assert (done.returncode, done.stdout.decode().split()[-1]) == (0, colorization.__version__)


def test_no_more_processes_read_than_may_run(
    cli: Cli, photo_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch warns of more, on a first user's screen."""
    counts: list[int] = []

    def build(*given: Any) -> None:
        counts.append(given[3].workers)
        raise ValueError("enough")

    monkeypatch.setattr("retrieval.building.builder.build_index", build)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    cli("build-index", photo_dir, "--index", tmp_path / "index")
    assert counts == [1]


def test_more_memory_than_there_is_is_told(
    cli: Cli, photo_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorization.cli.build_index.usable_memory", lambda: 1 << 30)
    words = ["build-index", photo_dir, "--index", tmp_path / "index", "--workers", 0]
    done = cli(*words, "--memory-budget", "3GiB")
    note = "note: --memory-budget 3GiB: this machine has 1.0 GiB of memory;"
    assert done.exit_code == 0 and done.stderr.startswith(note)
    assert "note" not in cli(*words, "--memory-budget", "1GiB").stderr


def test_an_index_of_gray_photos_alone_says_so(cli: Cli, gray_dir: Path, tmp_path: Path) -> None:
    words = ["build-index", gray_dir, "--index", tmp_path / "index", "--workers", 0]
    note = (
        "note: all of them are gray or were made by Rechroma, and lend no colors:"
        " nothing will be recommended\n"
    )
    assert cli(*words).stderr.endswith(note)
    assert "gray" not in cli(*words).stderr  # nothing new
