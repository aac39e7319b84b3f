import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from index_command import Build, Refused, Run, edit, out

from retrieval.storage.manifest import SCHEMA, read_manifest


def test_info(run: Run, own_index: Path, photo_dir: Path) -> None:
    manifest = read_manifest(own_index)
    lines = out(run("info", own_index)).splitlines()
    assert (
        lines[0]
        == f"{own_index}: 4 photos (0 gray, never recommended, 0 files of its last build unusable)"
    )
    assert lines[1].split(maxsplit=2) == ["4", "from", str(photo_dir)]
    assert lines[2] == (
        f"backbone efficientnet-lite0, weights {manifest.weights_hash},"
        f" projections {manifest.pca_hash}"
    )
    assert lines[3].startswith("2 shards, ")
    assert lines[3].endswith(f" MB on disk, IndexFlatIP, built {manifest.built}")
    assert len(lines) == 4


def test_info_as_json(run: Run, own_index: Path, photo_dir: Path) -> None:
    found = json.loads(out(run("info", own_index, "--json")))
    size = sum(p.stat().st_size for p in own_index.rglob("*") if p.is_file())
    expected = {
        "index": str(own_index),
        "photos": 4,
        "gray": 0,
        "unusable": 0,
        "roots": {str(photo_dir): 4},
        "shards": 2,
    }
    assert expected.items() <= found.items()
    assert (found["bytes"], found["faiss"], found["backbone"]) == (
        size,
        "IndexFlatIP",
        "efficientnet-lite0",
    )
    assert "duplicates" not in found


def test_duplicates_are_listed(run: Run, photo_dir: Path, tmp_path: Path, build: Build) -> None:
    shutil.copy(photo_dir / "coffee.png", photo_dir / "a copy\nof it.png")
    build(photo_dir, tmp_path / "index")
    group = [str(photo_dir / "a copy\nof it.png"), str(photo_dir / "coffee.png")]
    lines = out(run("info", tmp_path / "index", "--duplicates")).splitlines()
    assert lines[-3] == "1 groups of near-duplicates"
    assert [line.split(maxsplit=1) for line in lines[-2:]] == [
        ["1", group[0].replace("\n", "\\n")],
        ["1", group[1]],
    ]
    assert json.loads(out(run("info", tmp_path / "index", "--duplicates", "--json")))[
        "duplicates"
    ] == [group]


def test_no_index(run: Run, refused: Refused, tmp_path: Path, own_index: Path) -> None:
    nowhere = tmp_path / "no where"
    refused(run("info", nowhere), nowhere, "no index here")
    refused(run("verify", nowhere), nowhere, "no index here")
    refused(run("remove", nowhere, "*"), nowhere, "no index here")
    refused(run("relink", nowhere, "--root", tmp_path), nowhere, "no index here")
    refused(run("merge", nowhere, own_index, "--index", tmp_path / "all"), nowhere, "no index here")
    assert not nowhere.exists()


def test_a_newer_format(
    run: Run, refused: Refused, own_index: Path, index_dir: Path, tmp_path: Path
) -> None:
    edit(own_index, schema=SCHEMA + 1)
    words = own_index / "index.json", "newer", "update rechroma"
    refused(run("info", own_index), *words)
    refused(run("verify", own_index), *words)
    refused(run("remove", own_index, "c*"), *words)
    refused(run("relink", own_index, "--root", tmp_path), *words)
    refused(run("merge", index_dir, own_index, "--index", tmp_path / "all"), *words)


def test_names_that_are_not_utf8(own_index: Path, photo_dir: Path, build: Build) -> None:
    (photo_dir / "coffee.png").rename(photo_dir / os.fsdecode(b"caf\xe9.png"))
    build(photo_dir, own_index)
    (photo_dir / os.fsdecode(b"caf\xe9.png")).unlink()
    code = "from colorization.cli.commands import index_app; index_app()"
    arguments = [sys.executable, "-c", code, "verify", str(own_index)]
    done = subprocess.run(
        arguments, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"}, check=False
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(os.fsencode(photo_dir) + b"/caf\\udce9.png: missing; ")
    arguments = [sys.executable, "-c", code, "remove", str(own_index), b"caf\xe9.png"]
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert (
        done.returncode,
        done.stdout.endswith(b": 1 photos removed from the index; the files are untouched\n"),
    ) == (0, True)
