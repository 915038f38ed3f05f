"""What our file-backed Kedro datasets share."""

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from kedro.io import AbstractDataset

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError, set_aside_if_there
from backdoor_pipeline.base.seals import Seal

InT = TypeVar("InT")
OutT = TypeVar("OutT")


class SealedDataset(AbstractDataset[InT, OutT]):
    """Files that are written together and verified whenever they are relied upon; mostly one.

    What is damaged is reported, set aside and counts as missing, so that the run rebuilds it.

    Class attributes:
        suffixes: of the files, if `filepath` is but their common stem. The last one is written last and bears
            the seal, by which it answers for the others.

    Args:
        filepath: where the file is, or the files' stem.
        metadata: for Kedro-Viz and other readers; not used here.
    """

    suffixes: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._stem = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """All files, the one that bears the seal at the end."""
        return [self.file(suffix) for suffix in self.suffixes]

    @property
    def path(self) -> Path:
        """The file that bears the seal."""
        return self.files[-1]

    @property
    def seal(self) -> Seal:
        """What it is to say."""
        return Seal.at(self.path, self.files[:-1])

    def file(self, suffix: str) -> Path:
        """The file with this suffix."""
        return self._stem.with_name(self._stem.name + suffix)

    @abstractmethod
    def read(self) -> OutT:
        """Verify the files and read them; raise `CorruptFileError`."""

    def check(self) -> None:
        """Verify the files; raise `CorruptFileError`."""
        self.seal.check(self.path)

    def load(self) -> OutT:
        """What was saved.

        Raises:
            UserError: it is not there, or not what was saved; then it is set aside.
        """
        try:
            return self.read()
        except FileNotFoundError as error:
            raise UserError(f"{self.path} does not exist: run the pipeline that makes it.") from error
        except CorruptFileError as error:
            self._set_aside(str(error))
            raise UserError(
                f"{self.path} was damaged ({error}) and is set aside: repeat the command, which rebuilds it."
            ) from error

    def _exists(self) -> bool:
        try:
            self.check()
        except FileNotFoundError:
            return False
        except CorruptFileError as error:
            self._set_aside(str(error))
            return False
        return True

    def _set_aside(self, reason: str) -> None:
        for file in reversed(self.files):
            if file.exists():
                set_aside_if_there(file, reason)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._stem)}


class SealedFactsDataset(SealedDataset[InT, OutT]):
    """One that says of itself what it is of.

    Args:
        filepath: see `SealedDataset`.
        facts: written into the file, such as the data set's and the attack's names.
        metadata: for Kedro-Viz.
    """

    def __init__(
        self, *, filepath: str, facts: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.facts = facts


class SealedAttackDataset(SealedDataset[InT, OutT]):
    """One that an attack's class rebuilds.

    Args:
        filepath: see `SealedDataset`.
        attack: the attack's name, or "none".
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, filepath: str, attack: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.attack = attack
