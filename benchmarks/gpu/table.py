"""The piece `table`: all records of a folder as one page of Markdown."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.cells import NOTHING, percent, phases_text, rounded, state_text, whole_seconds
from benchmarks.gpu.pieces import PIECES
from benchmarks.gpu.records import Record

FILE = "table.md"
SMOKE = "**Smoke size: tiny data, models and trainings, to see whether all runs. Its numbers mean nothing.**"
Records = dict[str, Record | None]  # by task; None: never begun


def write_table(folder: Path) -> Path:
    """Write the page beside the records; what was not run, or not to its end, is shown as such."""
    found = {
        name: {task: Record.load(folder, name, task) for task in piece.tasks}
        for name, piece in PIECES.items()
    }
    begun = [record for records in found.values() for record in records.values() if record]
    parts = ["# Measured on a GPU", *_machines(begun)]
    parts += [SMOKE] if any(record.size == "smoke" for record in begun) else []
    parts += [_section(name, records) for name, records in found.items()]
    path = folder / FILE
    beside = path.with_suffix(".tmp")
    beside.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    os.replace(beside, path)
    return path


def _section(name: str, records: Records) -> str:
    if not any(records.values()):
        return f"## {name}\n\nnot run"
    return SECTIONS[name](records)


def markdown(title: str, note: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A section with one table."""
    lines = ["| " + " | ".join(row) + " |" for row in (heads, ["---", *["---:"] * (len(heads) - 1)], *rows)]
    return "\n".join([f"## {title}", "", note, "", *lines])


def _machines(records: Sequence[Record]) -> list[str]:
    """One line for each machine that anything was measured on."""
    lines = {", ".join(f"{name} {value}" for name, value in record.machine.items()) for record in records}
    return ["\n".join(f"- {line}" for line in sorted(lines - {""})) or "Nothing was measured."]


def _how(records: Records) -> str:
    """The limit, and how many tasks shared the card."""
    ways = {(one.limit, one.at_once, one.eager) for one in records.values() if one}
    told = [
        f"{limit:g} s for all rows, {at_once} at a time" + (", nothing compiled" if eager else "")
        for limit, at_once, eager in sorted(ways)
    ]
    return f"Time limit: {' or '.join(told) or 'not run'}."


def _engine(records: Records) -> str:
    record = records["speed"]
    found: dict[str, Any] = record.result if record else {}
    rates = found.get("images_per_second", {})
    rows = [
        [side, rounded(rate, 0), rounded(rate / rates["plain"], 2), rounded(found["peak_gib"][side], 2)]
        for side, rate in rates.items()
    ]
    what = [str(found.get(name, NOTHING)) for name in ("model", "batch_size", "images")]
    note = (
        f"{state_text(record)}. {what[0]}, batches of {what[1]}, {what[2]} images an epoch; two test sets "
        "looked at after every epoch; medians."
    )
    return markdown("Engine against a plain PyTorch loop", note, ["", "images/s", "ratio", "peak GiB"], rows)


def _attacks(records: Records) -> str:
    heads = ["attack", "state", "epochs", "C-Acc", "ASR", "networks, s", "all epochs, s", "peak GiB"]
    rows = []
    for task, record in records.items():
        phases = dict(record.phases) if record else {}
        victim = phases.pop("train", None)
        scores = {**(victim.scores if victim else {}), **(record.result if record else {})}
        epochs = f"{len(victim.seconds)} of {victim.epochs}" if victim else NOTHING
        rates = [percent(scores.get(name)) for name in ("clean_accuracy", "asr")]
        seconds = [whole_seconds(list(phases.values())), whole_seconds([victim] if victim else [])]
        rows.append([task, state_text(record), epochs, *rates, *seconds, rounded(scores.get("peak_gib"), 2)])
    note = (
        f"{_how(records)} Seconds are wall time on the shared card, evaluations and checkpoints included; "
        "≈: extrapolated by the median epoch. Scores of a training cut short are those last looked at."
    )
    return markdown("Attacks", note, heads, rows)


def _defenses(records: Records) -> str:
    heads = ["defense", "state", "C-Acc", "ASR", "R-Acc", "seconds", "peak GiB", "trainings: epochs"]
    rows: list[list[str]] = []
    before: dict[str, Any] = {}
    for task, record in records.items():
        found = record.result if record else {}
        before = found if "before" in found else before
        rates = [percent(found.get(name)) for name in ("clean_accuracy", "asr", "robust_accuracy")]
        cost = [rounded(found.get("defend_seconds"), 1), rounded(found.get("peak_gib"), 2)]
        rows.append([task, state_text(record), *rates, *cost, phases_text(record)])
    scores = before.get("before", {})
    victim = (
        f"The victim (BadNets, {before.get('victim_epochs', NOTHING)} epochs): C-Acc "
        f"{percent(scores.get('clean_accuracy'))}, ASR {percent(scores.get('asr'))}."
    )
    return markdown("Defenses", f"{_how(records)} {victim}", heads, rows)


def _cleanse(records: Records) -> str:
    record = records["search"]
    found: dict[str, Any] = record.result if record else {}
    sides = {side: found[side] for side in ("batched", "one_by_one") if side in found}
    rows = [
        [side.replace("_", " "), rounded(one["seconds"], 1), str(one["flagged"])]
        for side, one in sides.items()
    ]
    if len(rows) == len(("batched", "one_by_one")):
        rows.append(["ratio", rounded(sides["one_by_one"]["seconds"] / sides["batched"]["seconds"], 2), ""])
    what = [found.get(name, NOTHING) for name in ("images", "epochs")]
    note = f"{state_text(record)}. {what[0]} clean images, {what[1]} epochs at most."
    return markdown("Neural Cleanse's search", note, ["classes", "seconds", "flagged"], rows)


def _profile(records: Records) -> str:
    record = records["steps"]
    found: dict[str, Any] = record.result if record else {}
    modes = found.get("modes", {})
    counted: dict[str, float] = next(iter(modes.values()), {})
    rows = [[name.replace("_", " "), *(rounded(one[name], 3) for one in modes.values())] for name in counted]
    heads = ["of one step", *(modes or [NOTHING])]
    text = markdown("Where a training step's time goes", f"{state_text(record)}.", heads, rows)
    parts = [[name, rounded(value, 3)] for name, value in found.get("parts", {}).items()]
    note = "Each by itself and waited for, eager."
    return text + "\n\n" + markdown("Parts of a training step", note, ["part", "milliseconds"], parts)


SECTIONS: dict[str, Callable[[Records], str]] = {
    "engine": _engine,
    "attacks": _attacks,
    "defenses": _defenses,
    "nc": _cleanse,
    "profile": _profile,
}
