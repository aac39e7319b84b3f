import os
import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest

import colorization


def test_the_public_names_are_there() -> None:
    from colorization import options, pipeline

    assert colorization.ColorizationPipeline is pipeline.ColorizationPipeline
    assert colorization.Colorized is pipeline.Colorized
    assert colorization.ColorizeOptions is options.ColorizeOptions
    for name in colorization.__all__:
        assert getattr(colorization, name) is not None


def test_completion_finds_the_public_names() -> None:
    assert set(colorization.__all__) <= set(dir(colorization))


def test_other_names_are_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Colorizer'"):
        _ = colorization.Colorizer


def test_the_installed_package_has_this_version_and_both_commands() -> None:
    assert version("rechroma") == colorization.__version__
    commands = {
        e.name: e.value
        for e in entry_points(group="console_scripts")
        if e.value.startswith("colorization.")
    }
    assert set(commands) == {"rechroma", "build-index"}
    for entry in entry_points(group="console_scripts"):
        if entry.name in commands:
            assert callable(entry.load())


def test_threads_that_wait_sleep_soon_also_from_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    code = "import colorization, os; print(os.environ.get('GOMP_SPINCOUNT'))"
    for more, told in (({}, "1000"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            env={**os.environ, **more},
            text=True,
        )
        assert done.stdout.strip() == told
