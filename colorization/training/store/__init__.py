"""Crops of photos with the maps of the encoder, written once and read at random."""
