"""``rechroma index``: what an index holds, whether it is sound, and changes to it."""
