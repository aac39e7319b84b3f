"""Frozen feature networks and their weights."""
