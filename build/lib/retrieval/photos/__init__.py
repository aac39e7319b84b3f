"""Files in: listing, reading, metadata."""
