"""What commands tell, where that is much."""
