"""The web page, from the gray photo to the colored file. It needs the extra ``web``."""
