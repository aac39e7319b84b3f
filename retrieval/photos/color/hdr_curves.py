"""From HDR signals to what a usual screen shows: PQ and HLG, and one fixed tone curve.

Light is given in parts of reference white, 203 cd/m², at which papers and faces in the sun lie
(ITU-R BT.2408). White becomes 0.8 of the screen's; up to 0.6 everything stays in proportion, and
what is brighter approaches 1: nothing is cut off, and no picture changes another's tones.
"""

import numpy as np

PQ, HLG = 16, 18  # codes of transfer characteristics in ITU-T H.273
REFERENCE_WHITE = 203.0  # cd/m²
_PEAK_OF_PQ, _PEAK_OF_HLG, _GAMMA_OF_HLG = 10_000.0, 1000.0, 1.2
_WHITE, _KNEE = 0.8, 0.6


def to_light(signal: np.ndarray, transfer: int) -> np.ndarray:
    """Light in parts of reference white, of a signal in 0..1.

    Args:
        signal: of any shape; of HLG a gray signal, whose channels are equal.
        transfer: PQ or HLG.

    Source: ITU-R BT.2100, tables 4 and 5.
    """
    signal = np.clip(signal, 0.0, 1.0)
    if transfer == PQ:
        power = signal ** (1 / 78.84375)
        share = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
        light = _PEAK_OF_PQ * share ** (1 / 0.1593017578125)
    else:
        a = 0.17883277
        b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        light = _PEAK_OF_HLG * scene**_GAMMA_OF_HLG
    return np.asarray(light / REFERENCE_WHITE)


def tone_mapped(light: np.ndarray) -> np.ndarray:
    """Light in parts of reference white as linear light of a usual screen, 0..1."""
    level = _WHITE * light
    rest = 1 - _KNEE
    bright = _KNEE + rest * (1 - np.exp(-np.maximum(level - _KNEE, 0) / rest))
    return np.where(level <= _KNEE, level, bright)
