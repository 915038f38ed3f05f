"""Datasets that a pipeline only reads."""

from typing import Any, NoReturn, TypeVar

from kedro.io import AbstractDataset, DatasetError

OutT = TypeVar("OutT")


class ReadOnlyDataset(AbstractDataset[None, OutT]):
    """Something that is always there, and that no node writes.

    Args:
        described: what is told of it, `filepath` where it has one.
        metadata: for Kedro-Viz.
    """

    def __init__(self, described: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        self._described = described
        self.metadata = metadata

    def save(self, data: None) -> NoReturn:  # noqa: ARG002
        """Refused."""
        raise DatasetError(f"{type(self).__name__} is only read: what it holds is written elsewhere.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return self._described
