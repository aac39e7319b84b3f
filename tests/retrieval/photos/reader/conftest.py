"""A photo that is written in many ways and read again."""

import numpy as np
import pytest
from PIL import Image

Image.init()


@pytest.fixture
def cat(pictures: dict[str, np.ndarray]) -> np.ndarray:
    return pictures["chelsea"]
