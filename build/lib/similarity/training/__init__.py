"""The training loop, and the distillation of the bundled backbone."""
