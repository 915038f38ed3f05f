"""Which files are not there yet."""

from pathlib import Path

from kedro.io import DataCatalog

from backdoor_pipeline.hooks.asked import is_asked


def absent(catalog: DataCatalog, name: str) -> list[Path]:
    """The missing files of a dataset that consists of files, unless nobody asks for it."""
    files: list[Path] = getattr(catalog.get(name), "files", [])
    return [file for file in files if is_asked(catalog, name) and not file.exists()]
