"""Photos that vgg19-slim is distilled from and scored with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from colorization.training.distillation_photos import IndexedPhotos, corpus_of, readable_photos
from retrieval.building.builder import BuildOptions, build_index
from similarity.backbone.backbone import load_backbone


class Teacher(nn.Module):
    """Sees the mean of each channel in sixteen squares."""

    def forward(self, rgb: Tensor) -> dict[str, Tensor]:
        return {"embedding": nn.functional.adaptive_avg_pool2d(rgb, 4).flatten(1)}


def test_what_does_not_decode_is_told(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "coffee.png")
    (tmp_path / "text.jpg").write_text("no photo")
    told: list[str] = []
    paths = readable_photos(tmp_path, told.append)
    assert paths == [tmp_path / "coffee.png"]
    assert len(told) == 1 and "text.jpg" in told[0]
    assert len(list(corpus_of(paths, tmp_path).squares(2))) == 1
    paths[0].unlink()
    with pytest.raises(ValueError, match="no photos"):
        readable_photos(tmp_path, told.append)


def test_retrieval_by_descriptors_is_compared_with_that_by_the_teacher(
    tmp_path: Path, library_dir: Path
) -> None:
    index = tmp_path / "index"
    build_index([library_dir], index, load_backbone("vgg19-slim"), BuildOptions(workers=0))
    told: list[str] = []
    indexed = IndexedPhotos(index, library_dir, told.append)
    paths, teacher = readable_photos(library_dir, told.append)[:3], Teacher()
    squares = torch.cat(list(corpus_of(paths, library_dir).squares(8)))
    # of no more than ten photos, all are among the ten nearest
    assert indexed.shared(paths, teacher, teacher(squares)["embedding"]) == 1.0
    assert not told
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.png").write_bytes(paths[0].read_bytes())
    with pytest.raises(ValueError, match="holds no photo of"):
        IndexedPhotos(index, tmp_path / "other", told.append)
