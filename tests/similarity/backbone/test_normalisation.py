import pytest

from similarity.backbone.normalisation import EFFICIENTNET, IMAGENET, SLIM, Normalisation


@pytest.mark.parametrize(
    ("normalisation", "channels"), [(SLIM, 1), (IMAGENET, 3), (EFFICIENTNET, 1)]
)
def test_a_mean_and_a_deviation_for_each_channel(
    normalisation: Normalisation, channels: int
) -> None:
    assert len(normalisation.mean) == len(normalisation.std) == channels
    assert all(0 < mean < 1 for mean in normalisation.mean)
    assert all(0 < std < 1 for std in normalisation.std)


def test_bytes_of_efficientnet() -> None:
    """It was trained on (byte - 127) / 128: byte 127 becomes 0, 255 becomes 1 and 0 -127/128."""
    (mean,), (std,) = EFFICIENTNET.mean, EFFICIENTNET.std
    found = [(byte / 255 - mean) / std for byte in (127, 255, 0)]
    assert found == pytest.approx([0, 1, -127 / 128])
