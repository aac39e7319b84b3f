"""What a visitor asks of a photo, and what the page shows of it."""
