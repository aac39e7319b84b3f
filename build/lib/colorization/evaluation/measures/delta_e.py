"""How different two pictures look: the color difference of CIE."""

from skimage.color import deltaE_ciede2000, rgb2lab

from colorization.evaluation.measures import Rgb


def delta_e_2000(truth: Rgb, result: Rgb) -> float:
    """CIE Delta E 2000, mean over the pixels.

    Args:
        truth: sRGB, 0..255.
        result: of the same size, sRGB, 0..255.

    Returns:
        0 for equal pictures; about 1 is just noticeable, 100 is black against white.

    Source: Sharma, Wu and Dalal 2005, as in scikit-image.
    """
    return float(deltaE_ciede2000(rgb2lab(truth), rgb2lab(result)).mean())
