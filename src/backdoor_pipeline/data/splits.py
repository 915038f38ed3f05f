"""Both splits of the clean data set, as the stages are handed them."""

from collections.abc import Callable
from functools import cached_property

from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.sources.base import Split


class Splits:
    """Training and test samples, each read when it is first asked for.

    Args:
        read: reads the split of this name.
    """

    def __init__(self, read: Callable[[Split], SampleSet]) -> None:
        self._read = read

    @cached_property
    def train(self) -> SampleSet:
        """The training samples."""
        return self._read("train")

    @cached_property
    def test(self) -> SampleSet:
        """The test samples."""
        return self._read("test")
