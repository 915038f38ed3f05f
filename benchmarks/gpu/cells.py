"""What stands in the cells of the table."""

from collections.abc import Sequence

from benchmarks.gpu.records import DONE, FAILED, STOPPED, Phase, Record

NOTHING = "–"


def state_text(record: Record | None) -> str:
    """How far a task got."""
    if record is None:
        return "not run"
    text = {
        DONE: "done",
        STOPPED: f"stopped by the limit after {record.seconds:.0f} s",
        FAILED: f"failed: {' '.join(record.error.split())[:160].replace('|', '/')}",
    }.get(record.state, "killed with its command")
    return text + (", smoke" if record.size == "smoke" else "")


def percent(rate: float | None) -> str:
    """A rate from 0 to 1."""
    return NOTHING if rate is None else f"{100 * rate:.2f}"


def rounded(value: float | None, digits: int) -> str:
    """A number."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def whole_seconds(phases: Sequence[Phase]) -> str:
    """The seconds of all epochs of these trainings; marked where some are extrapolated."""
    if not any(phase.seconds for phase in phases):
        return NOTHING
    over = all(len(phase.seconds) == phase.epochs for phase in phases)
    return ("" if over else "≈ ") + rounded(sum(phase.whole for phase in phases), 0)


def phases_text(record: Record | None) -> str:
    """How many epochs of every training are over."""
    phases = record.phases if record else {}
    return ", ".join(f"{name} {len(one.seconds)}/{one.epochs}" for name, one in phases.items()) or NOTHING
