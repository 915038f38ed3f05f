"""What knows nothing of the field: errors, files, locks, seeds, the registry."""
