"""Lab, frozen feature networks, dense correspondence and warped colors."""
