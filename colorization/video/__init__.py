"""Films: cut into scenes and colored frame by frame, so that colors stay.

Sound and timestamps stay as they were.
"""
