import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result

Cli = Callable[..., Result]


def test_what_was_written_is_told(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def export_onnx(folder: Path, *more: object) -> SimpleNamespace:
        asked.extend((folder, more[-1]))
        (folder / "network.onnx").write_bytes(bytes(1_500_000))
        return SimpleNamespace(
            paths=[folder / "network.onnx"], encoder_difference=1e-5, network_difference=2e-4
        )

    monkeypatch.setattr("colorization.onnx_export.export.export_onnx", export_onnx)
    result = cli("export", tmp_path, "--overwrite")
    assert (result.exit_code, result.stderr) == (0, "")
    assert asked == [tmp_path, True]
    assert result.stdout.splitlines() == [
        f"{tmp_path / 'network.onnx'}  1.5 MB",
        "ONNX Runtime beside torch: largest difference 1.0e-05 (encoder), 2.0e-04 (network)",
    ]


def test_without_the_extra_one_line_names_it(
    cli: Cli, refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused(cli("export", tmp_path), 'pip install -e ".[onnx]"')
