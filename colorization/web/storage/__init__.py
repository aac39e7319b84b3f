"""What the page keeps while it runs: files, open photos, queues, and how much of them."""
