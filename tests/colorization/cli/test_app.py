"""What all commands share: help, version, start-up, errors. Each command has a file of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result

import colorization
from colorization.cli.common import given

Cli = Callable[..., Result]
Refused = Callable[..., str]

COMMANDS = {
    "build-index": [
        "PHOTOS",
        "--index",
        "--workers",
        "--overwrite",
        "--backbone",
        "--vgg-weights",
        "--device",
    ],
    "recommend": [
        "PHOTO",
        "--index",
        "--top-k",
        "--same-class",
        "--sheet",
        "--json",
        "--backbone",
        "--device",
    ],
    "colorize": [
        "INPUT",
        "--output",
        "--reference",
        "--index",
        "--top-k",
        "--caution",
        "--overwrite",
        "--sheet",
        "--json",
        "--device",
    ],
    "demo": ["--output", "--device"],
}
START = "import gc, os, sys; sys.argv[0] = {name!r}; from colorization.cli.app import {function}; "


def command(
    name: str, function: str, arguments: Sequence[object], after: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run an entry point in a process of its own, as its script would."""
    code = START.format(name=name, function=function) + (
        f"import atexit; atexit.register(lambda: {after}); " if after else ""
    )
    environment = {
        k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "COLUMNS", "GOMP_SPINCOUNT")
    }
    environment |= {
        "PYTHONPATH": str(Path(colorization.__file__).parents[1]),
        "TERMINAL_WIDTH": "120",
    }
    environment["PYTHONIOENCODING"] = "utf-8:strict"  # as on a usual desktop
    return subprocess.run(
        [sys.executable, "-c", f"{code}{function}()", *map(os.fspath, map(_argument, arguments))],
        capture_output=True,
        env=environment,
        timeout=120,
    )


def _argument(value: object) -> str | bytes:
    return value if isinstance(value, bytes) else str(value)


# --- help and version


def test_help_lists_the_commands(cli: Cli) -> None:
    result = cli("--help")
    assert (result.exit_code, result.stderr) == (0, "")
    for name in COMMANDS:
        assert name in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(
    cli: Cli, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "160")
    result = cli(name, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    for option in COMMANDS[name]:
        assert option.lower() in result.stdout.lower()


def test_without_a_command_help_is_shown(cli: Cli) -> None:
    result = cli()
    assert "Usage" in result.output and "colorize" in result.output


def test_version(cli: Cli) -> None:
    result = cli("--version")
    assert (result.exit_code, result.stdout) == (0, f"rechroma {colorization.__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["colorize", "--help"]], ids=str)
def test_help_answers_at_once(arguments: list[str]) -> None:
    """Neither the network library nor anything else that is slow to import is needed for it."""
    heavy = "torch", "torchvision", "faiss", "skimage", "h5py", "numpy", "PIL", "tifffile"
    before = os.times()
    done = command(
        "rechroma",
        "main",
        arguments,
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)",
    )
    after = os.times()
    assert (done.returncode, done.stderr.strip()) == (0, b"[]")
    seconds = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    # of the processor, so other work does not count; 0.2 are usual, torch alone takes more than 1
    assert seconds < 1.5


def test_a_photo_waits_for_no_more_than_it_needs(gray_path: Path, tmp_path: Path) -> None:
    """Neither for libraries of other commands, nor for threads that spin, nor at the end for memory to be collected."""
    heavy = "torchvision", "scipy", "skimage", "sklearn", "torch._dynamo", "sympy"
    found = f"gc.get_freeze_count() > 0, os.environ.get('GOMP_SPINCOUNT'), [m for m in {heavy!r} if m in sys.modules]"
    colorize = ["colorize", gray_path, "--output", tmp_path / "out.png"]
    done = command("rechroma", "main", colorize, f"print({found}, file=sys.stderr)")
    assert done.returncode == 0 and done.stderr.decode().splitlines()[-1] == "True 1000 []"


@pytest.mark.parametrize(
    ("name", "value", "told"), [("GOMP_SPINCOUNT", "7", "7"), ("OMP_WAIT_POLICY", "ACTIVE", "None")]
)
def test_what_the_user_says_of_threads_counts(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv(name, value)
    code = "import atexit, os, sys; from colorization.cli.app import main; sys.argv[1:] = ['--version'];"
    code += "atexit.register(lambda: print(os.environ.get('GOMP_SPINCOUNT'))); main()"
    root = str(Path(colorization.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": root},
        text=True,
    )
    assert done.stdout.splitlines()[-1] == told


def test_importing_the_package_is_as_light() -> None:
    code = "import colorization, sys; assert not {'torch', 'numpy'} & set(sys.modules)"
    code += "; colorization.ColorizeOptions(); assert 'torch' not in sys.modules"
    root = str(Path(colorization.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": root})


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


@pytest.mark.parametrize("function", ["main", "main_build_index"])
def test_an_unset_variable_is_not_the_folder_one_is_in(function: str, tmp_path: Path) -> None:
    found = command("rechroma", function, ["colorize", "", "--output", tmp_path / "x.png"])
    assert (found.returncode, found.stdout) == (2, b"")
    assert found.stderr == b"error: an argument is empty; was a variable not set?\n"


def test_unknown_commands_and_options_are_usage_errors(cli: Cli) -> None:
    for arguments in (
        ["paint"],
        ["colorize", "--colour"],
        ["recommend", "a.png"],
        ["demo", "extra"],
    ):
        result = cli(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")


# --- errors


@pytest.mark.parametrize("name", ["banana", "cuda:99", "cuda:x"])
def test_a_wrong_device_is_one_line(
    cli: Cli,
    refused: Refused,
    gray_path: Path,
    reference_path: Path,
    index_dir: Path,
    tmp_path: Path,
    name: str,
) -> None:
    for arguments in (
        ["colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png"],
        ["recommend", gray_path, "--index", index_dir],
        ["build-index", reference_path, "--index", tmp_path / "index"],
        ["demo", "--output", tmp_path / "demo"],
    ):
        refused(cli(*arguments, "--device", name), name)
    assert not (tmp_path / "x.png").exists() and not (tmp_path / "index").exists()


def test_wrong_backbones_and_weights_are_one_line(
    cli: Cli,
    refused: Refused,
    gray_path: Path,
    reference_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    run = ["colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png"]
    refused(cli(*run, "--backbone", "vgg16"), "vgg16", "vgg19-slim")
    refused(cli(*run, "--vgg-weights", gray_path), "the backbone vgg19")
    refused(
        cli(*run, "--backbone", "vgg19", "--vgg-weights", tmp_path / "no.pth"), tmp_path / "no.pth"
    )
    refused(cli(*run, "--backbone", "vgg19", "--vgg-weights", gray_path), gray_path)
    # not cached, and tests are offline
    refused(cli(*run, "--backbone", "vgg19"), "--vgg-weights FILE")
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n  lines"), r"error: two\n  lines"),
        (
            PermissionError(13, "Permission denied", "/a/b.png"),
            "error: /a/b.png: Permission denied",
        ),
        (OSError("disk gone"), "error: disk gone"),
        (FileNotFoundError("x: no such file"), "error: x: no such file"),
    ],
    ids=repr,
)
def test_errors_a_user_can_cause_become_one_line(
    cli: Cli,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    line: str,
) -> None:
    def fails(*args: object) -> None:
        raise error

    monkeypatch.setattr("colorization.demo.run_demo", fails)
    assert refused(cli("demo", "--output", tmp_path)) == line


def test_errors_of_ours_are_not_hidden(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorization.demo.run_demo", lambda *args: {}["a bug"])
    with pytest.raises(KeyError):
        cli("demo", "--output", tmp_path)


def test_stopping_is_one_line(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("colorization.demo.run_demo", stopped)
    result = cli("demo", "--output", tmp_path)
    assert (result.exit_code, result.stderr) == (130, "stopped; what was finished is kept\n")


def test_defaults_live_with_the_library() -> None:
    assert given(a=None, b=0, c=False, d="x") == {"b": 0, "c": False, "d": "x"}


# --- in a process of its own


def test_a_whole_colorization_in_a_process(
    gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    done = command(
        "rechroma",
        "main",
        ["colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png"],
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(os.fsencode(tmp_path / "x.png"))
    assert (tmp_path / "x.png").is_file()


def test_an_error_in_a_process_shows_no_traceback(reference_path: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.png"
    done = command(
        "rechroma",
        "main",
        ["colorize", missing, "--reference", reference_path, "--output", tmp_path / "x.png"],
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"error: " + os.fsencode(missing) + b": no such file\n"


def test_names_that_are_not_utf8_are_colorized(
    gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    """Photos from old systems carry names in Latin-1."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    photo, out = (
        os.path.join(os.fsencode(tmp_path / "in"), b"caf\xe9.png"),
        os.fsencode(tmp_path / "out"),
    )
    try:
        with open(photo, "wb") as file:
            file.write(gray_path.read_bytes())
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    run = ["colorize", photo, "--reference", reference_path, "--output", out]
    done = command("rechroma", "main", run)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [os.fsdecode(b"caf\xe9.png")]
    done = command("rechroma", "main", run)
    assert (done.returncode, done.stdout) == (2, b"")
    assert (
        done.stderr.startswith(b"error: ")
        and b"exists already" in done.stderr
        and done.stderr.count(b"\n") == 1
    )
