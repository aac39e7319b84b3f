"""Where photos are described: on this machine, or on many."""
