import shlex
from fnmatch import fnmatchcase
from pathlib import Path

from retrieval.storage.mending_commands import all_in, forget, rebuild, relink


def test_the_command_names_what_is_there_as_a_shell_reads_it(tmp_path: Path) -> None:
    photos, index_dir = tmp_path / "my photos", tmp_path / "it's an index"
    photos.mkdir()
    command = rebuild(index_dir, [photos, tmp_path / "gone"])
    assert shlex.split(command) == [
        "rechroma",
        "build-index",
        str(photos),
        "--index",
        str(index_dir),
    ]


def test_where_all_are_gone_a_word_stands_for_them(tmp_path: Path) -> None:
    assert rebuild(tmp_path, [str(tmp_path / "gone")]) == (
        f"rechroma build-index PHOTOS --index {shlex.quote(str(tmp_path))}"
    )


def test_following_moved_photos_needs_the_folder_that_they_are_in_now(tmp_path: Path) -> None:
    index_dir = tmp_path / "it's an index"
    wanted = ["rechroma", "index", "relink", str(index_dir), "--root", "FOLDER"]
    assert shlex.split(relink(index_dir)) == wanted


def test_forgetting_a_folder_names_its_own_photos_only(tmp_path: Path) -> None:
    command = forget(tmp_path / "it's an index", all_in("/p/[2019] trip"))
    *start, pattern = shlex.split(command)
    assert start == ["rechroma", "index", "remove", str(tmp_path / "it's an index")]
    assert fnmatchcase("/p/[2019] trip/a.jpg", pattern)
    assert not fnmatchcase("/p/2 trip/a.jpg", pattern)


def test_another_backbone_is_named(tmp_path: Path) -> None:
    command = shlex.split(rebuild(tmp_path, [tmp_path], "vgg19-slim"))
    assert command[-2:] == ["--backbone", "vgg19-slim"]
    assert "--backbone" not in rebuild(tmp_path, [tmp_path])
