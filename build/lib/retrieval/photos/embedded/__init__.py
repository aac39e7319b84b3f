"""What files carry beside their pixels: tags, packets, blocks, further parts."""
