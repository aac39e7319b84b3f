"""Lab, VGG-19 features, dense correspondence and warped colors between a gray target and color references."""
