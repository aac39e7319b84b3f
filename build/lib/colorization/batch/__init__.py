"""Many photos, and what is told of each."""
