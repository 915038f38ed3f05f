"""Datasets of which an experiment may have no need."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


class OnRequestDataset(AbstractDataset[Any, Any]):
    """Another dataset, if it is asked for. One that is not is not missing; nothing is read, nothing written.

    Args:
        dataset: the type of the other.
        asked: whether it is asked for.
        metadata: for Kedro-Viz.
        settings: the other's arguments.
    """

    def __init__(
        self, *, dataset: str, asked: bool = True, metadata: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        self._other: AbstractDataset[Any, Any] = AbstractDataset.from_config(
            dataset, {"type": dataset, **settings}
        )
        self.asked = asked
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """The other's."""
        files: list[Path] = getattr(self._other, "files", [])
        return files

    @property
    def preview(self) -> Callable[..., Any]:
        """What Kedro-Viz shows of the other, if it is asked for; else there is nothing that it would miss."""
        if not self.asked:
            raise AttributeError("what is not asked for has no preview")
        other: Any = self._other
        shown: Callable[..., Any] = other.preview
        return shown

    def load(self) -> Any:
        """What the other holds; None if it is not asked for."""
        return self._other.load() if self.asked else None

    def save(self, data: Any) -> None:
        """Have the other keep it, if it is asked for."""
        if self.asked:
            self._other.save(data)

    def _exists(self) -> bool:
        return self._other.exists() if self.asked else True

    def _describe(self) -> dict[str, Any]:
        return self._other._describe()
