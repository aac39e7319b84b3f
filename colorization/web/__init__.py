"""The web page: a gray photo goes in, references and colors are chosen, a file comes out. Needs the extra ``web``."""
