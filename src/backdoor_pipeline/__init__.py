"""A benchmark of backdoor attacks and defenses as a Kedro project."""

__version__ = "0.1.0"
