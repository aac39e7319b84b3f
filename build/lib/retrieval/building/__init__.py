"""Building and updating an index."""
