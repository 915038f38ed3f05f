"""Measurements: run as commands from the project's root."""
