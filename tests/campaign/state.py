"""What a project's data folder holds, in a form in which two runs of the same are equal: without times."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from backdoor_pipeline.base.arrowfile import load_table
from backdoor_pipeline.base.jsonfile import load_json
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.base.tensorfile import load_tensors

State = dict[str, Any]

APART = (".locks", "01_raw")


def state(project: Path) -> State:
    """Every file below `data`, by its path, whole and checked; temporary and damaged ones by their names."""
    data = project / "data"
    files = (path for path in sorted(data.rglob("*")) if path.is_file() and not set(path.parts) & set(APART))
    return {str(path.relative_to(data)): content(path) for path in files}


def content(path: Path) -> Any:
    """A file's content without seconds; of files that are none of ours by their form, its digest."""
    seal = Seal.at(path)
    if path.suffix == ".safetensors":
        tensors, facts = load_tensors(path)
        return {name: _digest(tensor.numpy().tobytes()) for name, tensor in tensors.items()}, facts
    if path.suffix == ".parquet" and not path.name.startswith("table_"):
        table = load_table(path, seal)
        times = [name for name in table.column_names if _is_time(name)]
        return list(table.drop_columns(times).to_pydict().items())
    if path.name in ("metrics.json", "result.json"):
        return {name: value for name, value in load_json(path, seal).items() if not _is_time(name)}
    if path.suffix == ".csv":
        frame = pd.read_csv(path)
        return frame.drop(columns=[name for name in frame if _is_time(name)]).to_csv()
    if path.suffix == ".json":
        shown = json.loads(path.read_text())
        return _digest(json.dumps({name: shown[name] for name in ("data", "layout")}).encode())
    return _digest(path.read_bytes())


def differing(found: State, wanted: State) -> list[str]:
    """The paths that only one of them has, or that differ."""
    return sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))


def _is_time(name: str) -> bool:
    return "seconds" in name


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
