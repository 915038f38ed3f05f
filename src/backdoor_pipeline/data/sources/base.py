"""What a data source is: it finds the files of a split, then reads them. A registry by name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.sources.naming import ClassNames
from backdoor_pipeline.data.spec import DatasetSpec, ImageSpec, Kind

SpecT = TypeVar("SpecT", bound=DatasetSpec)
SourceT = TypeVar("SourceT", bound="Source[Any]")

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as it lies there: the bytes, and the file that has them."""

    data: bytes
    file: Path


class Source(ABC, Generic[SpecT]):
    """Reads one on-disk format. Holds no state: what it needs is in the `DatasetSpec`.

    Attributes:
        kind: what it reads, images or texts; a set's block has to be of the same kind.
        required: the options that must be given.
        optional: the options that may be given.
    """

    kind: ClassVar[Kind] = "image"
    required: ClassVar[frozenset[str]] = frozenset()
    optional: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def find(self, spec: SpecT, folder: Path, split: Split) -> list[Path]:
        """The files or folders that hold a split, none of them opened yet.

        Raises:
            UserError: if the split is not there; the sentence says how to get it.
        """

    @abstractmethod
    def read(self, spec: SpecT, files: list[Path], split: Split) -> SampleSet:
        """The split, from what `find` returned.

        Raises:
            UserError: if a file is damaged; the sentence names it.
        """

    def class_names(self, spec: SpecT, files: list[Path]) -> ClassNames | None:  # noqa: ARG002
        """How these files name the classes, without reading pictures; None: alike in every split of the set.

        Args:
            spec: the data set.
            files: what `find` returned for a split.
        """
        return None

    def labels(self, spec: SpecT, files: list[Path], split: Split) -> tuple[Tensor, tuple[str, ...]]:
        """The split's labels, int64 (N,), and the K class names; where `read` takes long, without it.

        Raises:
            UserError: if a file is damaged; the sentence names it.
        """
        samples = self.read(spec, files, split)
        return samples.labels, samples.classes

    def encoded(self, spec: SpecT, files: list[Path]) -> Iterator[Encoded]:  # noqa: ARG002
        """The pictures of a split, not decoded, in the order of `labels`.

        Raises:
            UserError: a file cannot be read, or the source keeps no pictures in files.
        """
        raise UserError(f"data source '{spec.source}' does not keep encoded pictures.")

    def packaged(self) -> list[Path]:
        """The files of a set that comes with a package."""
        return []


class ListedSource(Source[ImageSpec]):
    """Reads pictures that lie in files of their own."""

    @abstractmethod
    def rows(
        self, spec: ImageSpec, files: list[Path], split: Split
    ) -> tuple[list[tuple[Path, int]], tuple[str, ...]]:
        """The pictures of a split and their labels, unopened; the names of the classes.

        Raises:
            UserError: if they are not as they should be.
        """

    def labels(self, spec: ImageSpec, files: list[Path], split: Split) -> tuple[Tensor, tuple[str, ...]]:
        """See `Source.labels`: no picture is decoded."""
        rows, classes = self.rows(spec, files, split)
        return torch.tensor([label for _, label in rows], dtype=torch.int64), classes

    def encoded(self, spec: ImageSpec, files: list[Path]) -> Iterator[Encoded]:
        """See `Source.encoded`."""
        for path, _ in self.rows(spec, files, "train")[0]:
            try:
                yield Encoded(path.read_bytes(), path)
            except OSError as error:
                raise unreachable(path, error) from error


SOURCES: dict[str, Source[Any]] = {}


def source(name: str) -> Callable[[type[SourceT]], type[SourceT]]:
    """Register a `Source` class under a name."""

    def register(cls: type[SourceT]) -> type[SourceT]:
        SOURCES[name] = cls()
        return cls

    return register


def get_source(spec: DatasetSpec) -> Source[Any]:
    """The source of a data set, its options checked.

    Raises:
        UserError: for an unknown source, or an unknown or absent option.
    """
    if spec.source not in SOURCES:
        raise unknown("data source", spec.source, SOURCES)
    found = SOURCES[spec.source]
    if found.kind != spec.kind_of_samples:
        fits = [name for name, one in SOURCES.items() if one.kind == spec.kind_of_samples]
        raise UserError(
            f"data source '{spec.source}' reads {found.kind}s, but data set '{spec.name}' is of "
            f"{spec.kind_of_samples}s: use one of {', '.join(sorted(fits))}, or change its `kind`."
        )
    allowed = found.required | found.optional | {"folder"}
    for option in spec.options:
        if option not in allowed:
            raise unknown(f"option of data source '{spec.source}'", option, allowed)
    if absent := sorted(found.required - set(spec.options)):
        raise UserError(f"data set '{spec.name}' needs the option '{absent[0]}': add it to its `options`.")
    return found


def missing(spec: DatasetSpec, folder: Path, also: str = "") -> UserError:
    """The error for a set that can be fetched and has not been."""
    return UserError(
        f"data set '{spec.name}' is not in {folder}: run `kedro data fetch {spec.source}`{also}."
    )


def damaged(spec: DatasetSpec, path: Path, reason: object, delete: Path | None = None) -> UserError:
    """The error for a fetched file that cannot be read; `delete` is what to delete if not the file itself."""
    what = delete or "it"
    fix = f"delete {what} and run `kedro data fetch {spec.source}`"
    return UserError(f"{path} is damaged ({_one_line(reason)}): {fix}.")


def unreadable(path: Path, reason: object) -> UserError:
    """The error for a damaged file of the user's own, which nothing here can fetch."""
    return UserError(f"{path} is damaged ({_one_line(reason)}): replace it by a whole copy.")


def unclear(where: object, reason: object) -> UserError:
    """The error for a whole picture of which it is not known what it shows."""
    return UserError(f"{where} cannot be used, as {reason}.")


def unreachable(path: Path, error: OSError) -> UserError:
    """The error for a file that may be whole, but was not read."""
    return UserError(
        f"{path} cannot be read ({error.strerror or error}): see to its disk or rights, and try again."
    )


def class_numbers(count: int) -> tuple[str, ...]:
    """Class names where there are none: "0", "1", ..."""
    return tuple(map(str, range(count)))


def read_lines(path: Path) -> tuple[str, ...]:
    """The non-empty lines of a text file, stripped."""
    return _stripped(path.read_text(encoding="utf-8").splitlines())


def _stripped(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line.strip() for line in lines if line.strip())


def _one_line(reason: object) -> str:
    return " ".join(str(reason).split()).rstrip(".")[:200]
