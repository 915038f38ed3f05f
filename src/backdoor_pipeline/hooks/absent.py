"""Which files are not there yet."""

from pathlib import Path

from kedro.io import DataCatalog


def absent(catalog: DataCatalog, name: str) -> list[Path]:
    """The missing files of a dataset that consists of files, unless nobody asks for it."""
    dataset = catalog.get(name)
    asked = getattr(dataset, "asked", True)
    return [file for file in getattr(dataset, "files", []) if asked and not file.exists()]
