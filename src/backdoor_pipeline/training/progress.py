"""Who wants to hear of epochs as they end: the engine tells, and knows nothing of those who listen."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[Mapping[str, float]], None]  # given a row of the history

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def announce(row: Mapping[str, float]) -> None:
    """Tell of an epoch's row."""
    if listener := _listener.get():
        listener(row)


def listen(listener: Listener | None) -> None:
    """Have every epoch that this thread trains from now on told to `listener`; None: to nobody."""
    _listener.set(listener)


@contextmanager
def aside() -> Iterator[None]:
    """A training beside the main one, whose epochs are no part of the stage's history: nobody is told."""
    token = _listener.set(None)
    try:
        yield
    finally:
        _listener.reset(token)
