import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval.building.changes import BuildReport
from retrieval.maintenance.info import summarize
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import read_manifest


def test_an_index_in_numbers(
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    gray_pictures: dict[str, np.ndarray],
) -> None:
    Image.fromarray(gray_pictures["retina"]).save(photo_dir / "gray.png")
    (photo_dir / "broken.jpg").write_text("not a picture")
    (tmp_path / "more").mkdir()
    shutil.copy(photo_dir / "coffee.png", tmp_path / "more")
    build([photo_dir, tmp_path / "more"], tmp_path / "index")
    found, manifest = (
        summarize(PhotoIndex.open(tmp_path / "index")),
        read_manifest(tmp_path / "index"),
    )
    assert (found.photos, found.gray, found.unusable, found.shards) == (6, 1, 1, 2)
    assert found.roots == {str(photo_dir): 5, str(tmp_path / "more"): 1}
    assert (found.backbone, found.weights_hash, found.pca_hash) == (
        "efficientnet-lite0",
        manifest.weights_hash,
        manifest.pca_hash,
    )
    assert found.bytes == sum(
        p.stat().st_size for p in (tmp_path / "index").rglob("*") if p.is_file()
    )
    assert found.faiss == "IndexFlatIP"
    assert found.built == manifest.built != ""
