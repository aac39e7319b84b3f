"""Making the network."""
