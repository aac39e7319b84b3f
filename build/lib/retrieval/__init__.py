"""Descriptors, shards, index and ranking: recommending color references from a photo library."""
