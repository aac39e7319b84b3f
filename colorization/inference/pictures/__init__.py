"""Pictures of any size and depth: arrays, luminance, the working size, and back to full size."""
