"""Looking after an index: check, merge, remove, find again."""
