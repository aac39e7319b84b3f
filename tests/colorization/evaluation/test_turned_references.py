import numpy as np
import torch

from colorization.evaluation.turned_references import measure_obedience, with_turned_references
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline


def test_chroma_turns_by_90_degrees_and_matches_stay(
    colorizer: ColorizationPipeline, pictures: dict[str, np.ndarray], fast: ColorizeOptions
) -> None:
    prepared = colorizer.prepare(pictures["motorcycle_left"], [pictures["coffee"]], fast)
    once = with_turned_references(prepared)
    a, b = prepared.match.references[0].ab
    torch.testing.assert_close(once.match.references[0].ab, torch.stack((-b, a)))
    torch.testing.assert_close(once.match.confidence, prepared.match.confidence)
    a, b = prepared.match.warped_ab
    torch.testing.assert_close(once.match.warped_ab, torch.stack((-b, a)), atol=1e-3, rtol=1e-3)


def test_training_free_colors_obey_and_unheard_ones_do_not(
    colorizer: ColorizationPipeline, pictures: dict[str, np.ndarray], fast: ColorizeOptions
) -> None:
    gray, reference = pictures["motorcycle_left"], pictures["motorcycle_right"]
    deaf = ColorizeOptions(**(vars(fast) | {"faithfulness": 0.0}))
    assert measure_obedience(colorizer, gray, [reference], deaf).best == 0.0
    free = ColorizeOptions(**(vars(fast) | {"method": "training-free"}))
    assert measure_obedience(colorizer, gray, [reference], free).best > 0.4


def test_without_references_there_is_nothing_to_obey(
    colorizer: ColorizationPipeline, pictures: dict[str, np.ndarray], fast: ColorizeOptions
) -> None:
    found = measure_obedience(colorizer, pictures["coffee"], [], fast)
    assert np.isnan((found.best, found.rest)).all()
