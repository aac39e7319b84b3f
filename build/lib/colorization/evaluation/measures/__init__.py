"""Measures of colorization, one a file: pure functions of pictures, colors or numbers."""

import numpy as np
from jaxtyping import Float, UInt8

Rgb = UInt8[np.ndarray, "height width 3"]  # sRGB, 0..255
Ab = Float[np.ndarray, "height width 2"]  # raw Lab units
