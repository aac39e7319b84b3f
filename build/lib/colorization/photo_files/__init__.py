"""Files out: formats, metadata, provenance."""
