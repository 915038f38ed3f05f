"""Which files below a folder are pictures, in which order classes come, and what is left out."""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from backdoor_pipeline.data.picture import extensions

logger = logging.getLogger(__name__)

NAMED = 5  # of what is left out or absent: the rest is counted


def natural(name: str) -> tuple[tuple[str | int, ...], str]:
    """What to sort names by: numbers in them as numbers, so that "2" and "a2" come before "10" and "a10"."""
    parts = re.split(r"([0-9]+)", name)  # text and digits in turn
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts)), name


def subfolders(root: Path) -> list[str]:
    """The names of the folders in `root` that are not hidden, numbers in them sorted as numbers."""
    names = (entry.name for entry in os.scandir(root) if entry.is_dir())
    return sorted((name for name in names if not name.startswith(".")), key=natural)


def pictures_below(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures in a folder and in all folders below it, by path; and what else is there.

    A picture is what has an extension that Pillow reads. Hidden files and folders are left out.
    """
    pictures: list[Path] = []
    others: list[Path] = []
    for path in _below(folder, set()):
        known = path.suffix.lower() in extensions() and not path.name.startswith(".")
        (pictures if known else others).append(path)
    return pictures, others


def _below(folder: Path, above: set[tuple[int, int]]) -> Iterator[Path]:
    """Files at any depth, and hidden folders unopened; a link to a folder that it lies in leads nowhere."""
    status = folder.stat()
    if (here := (status.st_dev, status.st_ino)) in above:
        return
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir() and not entry.name.startswith("."):
            yield from _below(folder / entry.name, above | {here})
        else:
            yield folder / entry.name


def tell_left_out(who: str, root: Path, others: Iterable[Path]) -> None:
    """Warn of what is no picture, if there is any: how many, and the first of them."""
    if names := [str(path.relative_to(root)) for path in others]:
        files = f"{len(names)} file{'s' if len(names) > 1 else ''}"
        logger.warning("%s: %s in %s left out, being no pictures: %s", who, files, root, some(names))


def some(names: Sequence[str]) -> str:
    """The first few names, and that there are more."""
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
