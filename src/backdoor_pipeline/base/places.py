"""How places are told: as short as they can be found by."""

from pathlib import Path


def told_from(project: Path, path: Path) -> Path:
    """A path from the project's folder if it is within, else as it is: on a cluster data may lie elsewhere.

    >>> told_from(Path("/here"), Path("/here/data/a")), told_from(Path("/here"), Path("/scratch/a"))
    (PosixPath('data/a'), PosixPath('/scratch/a'))
    """
    return path.relative_to(project) if path.is_relative_to(project) else path
