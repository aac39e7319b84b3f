"""One photo, from features to colors at full size."""
