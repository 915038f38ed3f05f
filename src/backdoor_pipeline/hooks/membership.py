"""Which sweep the runs of this process belong to."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PARENT = "mlflow.parentRunId"

_tags: ContextVar[dict[str, str] | None] = ContextVar("membership", default=None)


@contextmanager
def member_of(sweep: str, parent: str) -> Iterator[None]:
    """Runs in here are a sweep's.

    Args:
        sweep: its name; empty: of none.
        parent: the id of its own MLflow run; empty: it has none.
    """
    tags = {"sweep": sweep, PARENT: parent}
    token = _tags.set({name: value for name, value in tags.items() if value})
    try:
        yield
    finally:
        _tags.reset(token)


def membership() -> dict[str, str]:
    """What MLflow is told of it: tags; none outside of sweeps."""
    return dict(_tags.get() or {})
