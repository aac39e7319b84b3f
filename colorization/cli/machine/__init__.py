"""What the commands know of the machine: cores, memory, and where the time goes."""
