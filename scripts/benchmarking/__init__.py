"""What ``scripts/benchmark`` measures, each measurement in a process of its own."""

from colorization.cli.process import share_cores

share_cores()  # as the commands do; before anything here imports torch
