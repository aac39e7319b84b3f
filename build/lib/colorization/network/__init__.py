"""What is trained, and what goes in and out of it."""
