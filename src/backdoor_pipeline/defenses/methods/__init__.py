"""The defenses: one file each, and nothing else."""
