"""From photos to descriptors."""
