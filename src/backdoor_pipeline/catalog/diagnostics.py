"""A defense's diagnostics in the catalog."""

from typing import Any

from torch import Tensor

from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors
from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.defenses.diagnostics import Candidates, Curve, Diagnostics


class DiagnosticsDataset(SealedDataset[Diagnostics, Diagnostics]):
    """Curve, pictures and candidates in one safetensors file."""

    def read(self) -> Diagnostics:
        """Read the diagnostics."""
        tensors, meta = load_tensors(self.path, self.seal)
        curve, listed = meta["curve"], meta["candidates"]
        weights = _weights(tensors, len(listed["values"])) if listed else []
        return Diagnostics(
            curve=Curve(**curve) if curve else None,
            pictures={title: tensors[f"picture.{i}"] for i, title in enumerate(meta["pictures"])},
            candidates=Candidates(**listed, weights=weights) if listed else None,
        )

    def save(self, data: Diagnostics) -> None:
        """Write the diagnostics."""
        tensors = {f"picture.{i}": picture for i, picture in enumerate(data.pictures.values())}
        curve, candidates = data.curve, data.candidates
        meta: dict[str, Any] = {"pictures": list(data.pictures), "curve": None, "candidates": None}
        if curve:
            columns = {name: list(map(float, column)) for name, column in curve.columns.items()}
            meta["curve"] = {"x": curve.x, "columns": columns, "chosen": curve.chosen}
        if candidates:
            values = list(map(float, candidates.values))
            told = {"setting": candidates.setting, "values": values, "chosen": candidates.chosen}
            meta["candidates"] = told
            for i, changed in enumerate(candidates.weights):
                tensors |= {f"candidate.{i}.{name}": tensor for name, tensor in changed.items()}
        save_tensors(self.path, tensors, meta, self.seal)


def _weights(tensors: dict[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    weights: list[dict[str, Tensor]] = [{} for _ in range(count)]
    for key, tensor in tensors.items():
        kind, index, name = key.split(".", 2) if key.startswith("candidate.") else ("", "0", "")
        if kind:
            weights[int(index)][name] = tensor
    return weights
