"""What the values of a file mean: profiles, chunks, ranges."""
