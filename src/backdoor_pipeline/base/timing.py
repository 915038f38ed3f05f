"""Wall time of a stage."""

import time
from types import TracebackType


class Stopwatch:
    """`with Stopwatch() as clock: ...`, then `clock.seconds`."""

    seconds: float

    def __enter__(self) -> "Stopwatch":
        self._start = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._start
