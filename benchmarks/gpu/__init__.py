"""All that is measured on a GPU, by one command: `run`."""
