"""Measuring it."""
