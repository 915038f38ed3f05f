"""What our file-backed Kedro datasets share."""

from abc import abstractmethod
from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError, set_aside

InT = TypeVar("InT")
OutT = TypeVar("OutT")


class CheckedDataset(AbstractDataset[InT, OutT]):
    """One file whose writing is atomic and whose content is verified before a run relies on it.

    A damaged file is reported, set aside and counts as missing, so that the run rebuilds it.

    Args:
        filepath: where the file is.
        metadata: for Kedro-Viz and other readers; not used here.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """The one file."""
        return [self.path]

    @abstractmethod
    def check(self) -> None:
        """Verify the file's content; raise `CorruptFileError`."""

    def _exists(self) -> bool:
        if not self.path.exists():
            return False
        try:
            self.check()
        except CorruptFileError as error:
            set_aside(self.path, str(error))
            return False
        return True

    def require(self) -> Path:
        """The path of a file that must be there.

        Raises:
            UserError: it is not.
        """
        if not self.path.exists():
            raise UserError(f"{self.path} does not exist: run the pipeline that makes it.")
        return self.path

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path)}
