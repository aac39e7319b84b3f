"""Containers of films: colored segments, and what of the original stands beside them."""
