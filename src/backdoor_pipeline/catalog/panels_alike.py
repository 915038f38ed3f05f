"""Plotly figures whose panels look alike in Kedro-Viz.

Its theme, light or dark, goes before what a figure says, but only on the axes `xaxis` and `yaxis`: the first
panel would have other lines, ticks and letters than those beside it. So no panel is the first.
"""

from collections.abc import Mapping
from typing import Any

OTHER = "99"  # no figure has as many panels
REFERENCES = {"xaxis", "yaxis", "xref", "yref", "anchor", "scaleanchor", "matches", "overlaying"}
FIRST = {"x", "y", "x domain", "y domain"}
HERE = {"xaxis": "x", "yaxis": "y"}  # what traces mean that do not say
WITHOUT_AXES = {"table"}


def panels_alike(figure: Mapping[str, Any]) -> dict[str, Any]:
    """The figure with its first pair of axes under another name.

    >>> panels_alike({"data": [{"type": "bar"}], "layout": {"xaxis": {"anchor": "y"}}})["layout"]
    {'xaxis99': {'anchor': 'y99'}}
    """
    traces = [trace if trace.get("type") in WITHOUT_AXES else HERE | trace for trace in figure["data"]]
    notes = [{"xref": "x", "yref": "y"} | note for note in figure["layout"].get("annotations", ())]
    layout = {**figure["layout"], "annotations": notes} if notes else figure["layout"]
    renamed = {f"{name}{OTHER}" if name in HERE else name: value for name, value in layout.items()}
    return {**figure, "data": _referred(traces), "layout": _referred(renamed)}


def _referred(part: Any) -> Any:
    """A part of the figure, its references to the first axes following them."""
    if isinstance(part, Mapping):
        return {
            name: _moved(value) if name in REFERENCES and isinstance(value, str) else _referred(value)
            for name, value in part.items()
        }
    if isinstance(part, list) and part and isinstance(part[0], dict):
        return [_referred(one) for one in part]
    return part


def _moved(reference: str) -> str:
    axis, space, rest = reference.partition(" ")
    return f"{axis}{OTHER}{space}{rest}" if reference in FIRST else reference
