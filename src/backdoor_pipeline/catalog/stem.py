"""Several files of one stem, such as a figure's picture, page and numbers."""

from pathlib import Path
from typing import Any, ClassVar, TypeVar

from kedro.io import AbstractDataset

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import replacing

InT = TypeVar("InT")
OutT = TypeVar("OutT")


class StemDataset(AbstractDataset[InT, OutT]):
    """Files that differ in their suffix, of which it needs all.

    Class attributes:
        suffixes: of the files, in the order in which they are written.

    Args:
        filepath: the files' common stem.
        metadata: for Kedro-Viz.
    """

    suffixes: ClassVar[tuple[str, ...]]

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.stem = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """All files, the one written last at the end."""
        return [self.file(suffix) for suffix in self.suffixes]

    def file(self, suffix: str) -> Path:
        """The file with this suffix."""
        return self.stem.with_name(self.stem.name + suffix)

    def require(self, suffix: str) -> Path:
        """That file, if all are there.

        Raises:
            UserError: one is missing.
        """
        if not self._exists():
            raise UserError(f"{self.file(suffix)} does not exist: run the pipeline that makes it.")
        return self.file(suffix)

    def write(self, suffix: str, content: str | bytes) -> None:
        """Write one of the files."""
        with replacing(self.file(suffix)) as temporary:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)

    def _exists(self) -> bool:
        return all(file.exists() for file in self.files)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.stem)}
