"""The command line: one file a command; ``commands`` registers them, ``app`` starts them."""
