"""What attacks are built of."""
