import numpy as np
import torch

from colorization.inference.pictures.paper import Paper, within_border
from colorization.inference.pictures.working_size import working_lab


def test_a_picture_is_seen_without_its_border(pictures: dict[str, np.ndarray]) -> None:
    scan = np.pad(pictures["chelsea"], ((40, 40), (40, 40), (0, 0)), constant_values=245)
    lab = working_lab(scan, 128)
    seen, border = within_border(lab)
    assert border is not None and seen.shape == lab.shape
    assert lab[0, 0, 0].min() > 90 > seen[0, 0, 0].max()
    plain = working_lab(pictures["chelsea"], 128)
    same, none = within_border(plain)
    assert none is None and torch.equal(same, plain)

    ab = torch.full((2, 30, 30), 7.0)
    inside = border.inside((30, 30))
    around = Paper(border, (1.0, 2.0)).around(ab)
    assert (around[:, inside] == 7).all()
    assert around[:, ~inside].unique(dim=1).flatten().tolist() == [1.0, 2.0]
