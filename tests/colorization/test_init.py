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
