"""The attacks: one file each, and nothing else."""
