"""Lab, gamut and tones."""
