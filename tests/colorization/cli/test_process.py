"""Commands in processes of their own, as their scripts run them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rechroma_process import command

import colorization
from colorization.cli.process import share_cores


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
    """It waits for no libraries of others, no threads that spin and no freeing of memory."""
    heavy = "torchvision", "scipy", "skimage", "sklearn", "torch._dynamo", "sympy"
    found = "gc.get_freeze_count() > 0, os.environ.get('GOMP_SPINCOUNT'),"
    found += f" [m for m in {heavy!r} if m in sys.modules]"
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
    code = "import atexit, os, sys; from colorization.cli.app import main;"
    code += "sys.argv[1:] = ['--version'];"
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


@pytest.mark.parametrize("function", ["main", "main_build_index"])
def test_an_unset_variable_is_not_the_folder_one_is_in(function: str, tmp_path: Path) -> None:
    found = command("rechroma", function, ["colorize", "", "--output", tmp_path / "x.png"])
    assert (found.returncode, found.stdout) == (2, b"")
    assert found.stderr == b"error: an argument is empty; was a variable not set?\n"


def test_a_folder_that_was_deleted_under_one_is_told(
    gray_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    try:
        (tmp_path / "gone").rmdir()
    except OSError:
        pytest.skip("this system keeps a folder that somebody is in")
    done = command("rechroma", "main", ["colorize", gray_path, "--output", tmp_path / "x.png"])
    told = b"error: the folder that you are in is gone; change to another one\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", told)


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


@pytest.mark.parametrize(
    ("given", "told"),
    [("3", "3"), ("4,2", "4,2"), ("nonsense", "1"), ("-2", "1"), ("0", "1"), ("", "1")],
)
def test_threads_are_as_many_as_the_cores_unless_the_user_says_a_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str, told: str
) -> None:
    monkeypatch.setattr("colorization.cli.process.usable_cores", lambda: 1)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    share_cores()
    assert os.environ["OMP_NUM_THREADS"] == told
    note = f"note: OMP_NUM_THREADS={given} is no number of threads, and does not count\n"
    assert capsys.readouterr().err == (note if given and told == "1" else "")


def test_a_photo_is_colorized_whatever_the_number_of_threads(
    gray_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "nonsense")
    colorize = ["colorize", gray_path, "--output", tmp_path / "out.png"]
    done = command("rechroma", "main", colorize)
    assert done.returncode == 0 and (tmp_path / "out.png").is_file()
    assert done.stderr.decode().splitlines() == [
        "note: OMP_NUM_THREADS=nonsense is no number of threads, and does not count"
    ]
