"""Correspondence, warping, similarity maps."""
