"""Films: read, cut into scenes, color frame by frame so that colors stay, write with sound and timestamps as they were."""
