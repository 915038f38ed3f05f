"""Which sweep the runs of this process belong to."""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PARENT = "mlflow.parentRunId"

_tags: ContextVar[dict[str, str] | None] = ContextVar("membership", default=None)
_shared: ContextVar[Container[str]] = ContextVar("shared", default=())


@contextmanager
def member_of(sweep: str, parent: str, shared: Container[str] = ()) -> Iterator[None]:
    """Runs in here are a sweep's.

    Args:
        sweep: its name; empty: of none.
        parent: the id of its own MLflow run; empty: it has none.
        shared: the parameters that its file gives all its runs, dotted: they tell none from another.
    """
    tags = {"sweep": sweep, PARENT: parent}
    tagged, told = _tags.set({name: value for name, value in tags.items() if value}), _shared.set(shared)
    try:
        yield
    finally:
        _tags.reset(tagged)
        _shared.reset(told)


def membership() -> dict[str, str]:
    """What MLflow is told of it: tags; none outside of sweeps."""
    return dict(_tags.get() or {})


def shared_parameters() -> Container[str]:
    """The parameters, dotted, that all runs of the sweep have from its file; none outside of sweeps."""
    return _shared.get()
