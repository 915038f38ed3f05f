"""From parameters to one checked experiment, and what its files are called."""
