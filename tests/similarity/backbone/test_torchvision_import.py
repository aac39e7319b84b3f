import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from similarity.backbone import torchvision_import
from similarity.backbone.torchvision_import import import_torchvision

# A torchvision whose operators did not load, as beside CPU torch: registering a fake kernel asks
# for the schema.
BROKEN = """
import torch
import torchvision.version
torch.library.register_fake("torchvision::nms", lambda dets, scores, iou_threshold: dets)
torch.library.register_fake("torchvision::qnms", lambda dets, scores, iou_threshold: dets)
"""
CURED = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
try:
    importlib.import_module("torchvision")
except RuntimeError as error:
    assert "operator torchvision::nms does not exist" in str(error), error
else:
    raise SystemExit("the broken package imports by itself: this test shows nothing")
from similarity.backbone.torchvision_import import import_torchvision
module = import_torchvision()
assert module.__file__.startswith(sys.argv[1]), module.__file__
assert import_torchvision() is module
import torch, torchvision.version
assert torchvision.version.value == 7
schema = str(torch.ops.torchvision.nms.default._schema)
assert "Tensor dets, Tensor scores, float iou_threshold" in schema
print("cured")
"""
REAL = """
from similarity.backbone.torchvision_import import import_torchvision
module = import_torchvision()
import torch
from torchvision.models import VGG19_Weights, vgg19
with torch.device("meta"):
    assert sum(p.numel() for p in vgg19().parameters()) == 143_667_240
print("imported", VGG19_Weights.IMAGENET1K_V1.url)
"""


def run(code: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_missing_operators_are_cured(tmp_path: Path) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(BROKEN)
    (package / "version.py").write_text("value = 7\n")
    assert run(CURED, str(tmp_path)) == "cured\n"


def test_installed_torchvision_gives_the_network() -> None:
    assert run(REAL).startswith("imported https://")


def test_a_second_import_is_the_same() -> None:
    assert import_torchvision() is import_torchvision() is sys.modules["torchvision"]


@pytest.mark.parametrize(
    "error", [RuntimeError("libcudart is too old"), ImportError("No module named 'torchvision'")]
)
def test_other_failures_are_not_hidden(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(name: str) -> ModuleType:
        raise error

    defined = len(torchvision_import._libraries)
    with monkeypatch.context() as patch:
        patch.setattr(torchvision_import.importlib, "import_module", fail)
        with pytest.raises(type(error), match=str(error)):
            import_torchvision()
    assert len(torchvision_import._libraries) == defined
