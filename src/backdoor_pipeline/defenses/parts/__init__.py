"""What defenses are built of."""
