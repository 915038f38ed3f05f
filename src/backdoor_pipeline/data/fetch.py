"""Download the public data sets: checksummed, unpacked apart, and moved into place whole (P4)."""

import fcntl
import logging
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch
import requests

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.data.sources import find_split
from backdoor_pipeline.data.sources.downloads import NO_DOWNLOAD, PARTS, Part
from backdoor_pipeline.data.sources.mnist import DEBIAN_FASHION, idx_files
from backdoor_pipeline.data.spec import DatasetSpec

logger = logging.getLogger(__name__)


def fetch(name: str, raw: Path, *, progress: bool = True, mirror: str | None = None) -> Path:
    """Make a public data set present in `raw/<name>`; what is there already is left alone.

    An archive that the user has put into `raw/<name>` is used, if its checksum is right, and left there.

    Args:
        name: a set that has a free download.
        raw: the folder of raw data, `data/01_raw`.
        progress: show a bar per download, on a terminal.
        mirror: an address to download from in place of the official ones; the checksums stay.

    Returns:
        The folder that holds the set.

    Raises:
        UserError: if it cannot be downloaded, unpacked or stored; the sentence says what to do.
    """
    if name in NO_DOWNLOAD:
        raise UserError(f"data set '{name}' {NO_DOWNLOAD[name]}.")
    if name not in PARTS:
        raise unknown("data set to fetch", name, PARTS)
    folder = raw / name
    if name == "fashion_mnist" and _debian_has_fashion() and not folder.is_dir():
        logger.info("fashion_mnist is already in %s.", DEBIAN_FASHION)
        return DEBIAN_FASHION
    try:
        fetched = _fetch_absent(PARTS[name], folder, mirror, progress and sys.stderr.isatty())
    except OSError as error:
        raise UserError(
            f"cannot store {name} in {folder} ({error}): make room or get access there."
        ) from error
    logger.info("%s is %s in %s.", name, "now" if fetched else "already", folder)
    return folder


def available(raw: Path, specs: Iterable[DatasetSpec] = ()) -> list[tuple[str, bool, str]]:
    """(name, whether it is present, where it is or else how to get it) of each set, without reading it.

    Args:
        raw: the folder of raw data.
        specs: sets to list beside the public ones, such as the user's own.
    """
    status = {name: _public_status(name, raw) for name in (*NO_DOWNLOAD, *PARTS)}
    status |= {spec.name: _status(spec, raw) for spec in specs}
    return [(name, *where) for name, where in sorted(status.items())]


def _public_status(name: str, raw: Path) -> tuple[bool, str]:
    if name in ("digits", "fashion_small"):
        return True, NO_DOWNLOAD[name]
    if name == "fashion_mnist" and _debian_has_fashion():
        return True, str(DEBIAN_FASHION)
    entries = [part.creates for part in PARTS[name]] if name in PARTS else ["train", "val"]
    if all((raw / name / entry).exists() for entry in entries):
        return True, str(raw / name)
    return False, NO_DOWNLOAD.get(name, f"run `kedro data fetch {name}`")


def _status(spec: DatasetSpec, raw: Path) -> tuple[bool, str]:
    try:
        files = find_split(spec, raw, "train") + find_split(spec, raw, "test")
    except UserError as error:
        return False, str(error)
    return True, os.path.commonpath([path.parent for path in files]) if files else "comes with a package"


def _debian_has_fashion() -> bool:
    return bool(idx_files(DEBIAN_FASHION, "train") and idx_files(DEBIAN_FASHION, "test"))


@contextmanager
def _alone(raw: Path) -> Iterator[None]:
    """One fetch at a time; what a killed one left behind is cleared away."""
    with (raw / ".fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in raw.glob(".fetching-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _fetch_absent(parts: Iterable[Part], folder: Path, mirror: str | None, bar: bool) -> int:
    """Fetch what is not there, and return how many parts that was."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.parent):
        absent = [part for part in parts if not (folder / part.creates).exists()]
        for part in absent:
            _fetch_part(part, folder, mirror, bar)
    return len(absent)


def _fetch_part(part: Part, folder: Path, mirror: str | None, bar: bool) -> None:
    """Download, unpack and move into place; the temporary folder goes whatever happens."""
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as scratch:
        file = _put_by_hand(part, folder) or _download(part, folder, Path(scratch), mirror, bar)
        if part.creates != part.file:
            unpacked = Path(scratch, "unpacked")
            unpack(file, unpacked)
            file = unpacked / part.creates
            if not file.exists():
                raise UserError(f"{part.file} does not hold {part.creates}: delete it and fetch again.")
        os.sync()  # what was unpacked must be on the disk before its name says that it is
        (folder / part.creates).parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, folder / part.creates)


def _put_by_hand(part: Part, folder: Path) -> Path | None:
    archive = folder / part.file
    if not archive.is_file():
        return None
    if not _is_original(archive, part):
        raise UserError(f"{archive} is not the original file (its {_sums(part)} is another): delete it.")
    return archive


def _is_original(file: Path, part: Part) -> bool:
    return all(pooch.file_hash(str(file), alg=kind) == value for kind, value in part.sums.items())


def _sums(part: Part) -> str:
    return f"MD5 {part.sums['md5']} or SHA-256 {part.sums['sha256']}"


def _download(part: Part, folder: Path, temporary: Path, mirror: str | None, bar: bool) -> Path:
    url = f"{(mirror or part.base).rstrip('/')}/{part.file}"
    by_hand = f"download it by hand to {folder / part.file}, and fetch again"
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        downloader = pooch.HTTPDownloader(progressbar=bar, timeout=30)
        file = Path(pooch.retrieve(url, None, part.file, temporary, downloader=downloader))
    except requests.RequestException as error:
        raise UserError(f"cannot download {url} ({type(error).__name__}): {by_hand}.") from error
    if not _is_original(file, part):
        raise UserError(f"{url} is not the file it should be ({_sums(part)}): {by_hand}.")
    return file


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip or tar file, refusing members that would land outside `target`.

    Raises:
        UserError: if it holds such a member, a link or a device, or is damaged.
    """
    target.mkdir(parents=True)
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as members:
                for name in members.namelist():
                    _refuse_outside(archive, target, name)
                members.extractall(target)
        else:
            with tarfile.open(archive) as entries:
                # Python before 3.11.4 has no filters, and looks at no such attribute
                entries.extraction_filter = getattr(tarfile, "data_filter", lambda entry, _path: entry)
                for entry in entries:
                    _refuse_outside(archive, target, entry.name)
                    if not (entry.isfile() or entry.isdir()):
                        raise UserError(
                            f"{archive.name} holds a link or a device ({entry.name}): do not use it."
                        )
                    entries.extract(entry, target, set_attrs=False)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{archive.name} cannot be unpacked ({error}): delete it and fetch again.") from error


def _refuse_outside(archive: Path, target: Path, name: str) -> None:
    if not (target / name).resolve().is_relative_to(target.resolve()):
        raise UserError(f"{archive.name} would write outside its folder ({name}): do not use it.")
