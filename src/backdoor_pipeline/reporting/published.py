"""What was measured beside what was published, with the difference; the two are never mixed."""

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.left_out import reason
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.reporting import drawing
from backdoor_pipeline.reporting.cells import SCORES
from backdoor_pipeline.reporting.columns import IDENTITY
from backdoor_pipeline.reporting.sensitivity import setting_name
from backdoor_pipeline.reporting.summary import in_order

CROWD = 100  # points beyond which their markers are small
TITLE = "Measured against published"
NAMES = {"c_acc": "C-Acc (%)", "asr": "ASR (%)", "r_acc": "R-Acc (%)"}


def read_published(path: str, aliases: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """A table of published results, under this project's names.

    Args:
        path: a CSV file with the columns of `IDENTITY` and `SCORES`, scores in percent; others are ignored.
        aliases: for `dataset`, `model`, `attack` and `defense`, published names and ours.

    Raises:
        UserError: there is no such file, a column is missing or no number, scores are no percentages, or a
            cell is there twice.
    """
    if not os.path.isfile(path):
        raise UserError(f"report.published: there is no file {path}.")
    text = dict.fromkeys(IDENTITY[:-1], str)
    try:
        frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:  # whatever pandas has against it
        raise UserError(f"report.published: {path} is no CSV file: {reason(error)}.") from None
    wanted = [*IDENTITY, *SCORES]
    if missing := [name for name in wanted if name not in frame]:
        raise UserError(f"report.published: {path} has no column {missing[0]}; it needs {', '.join(wanted)}.")
    frame = frame[wanted].copy()
    for name in ("poison_ratio", *SCORES):
        frame[name] = _number(frame[name], f"report.published: the column {name} of {path}")
    for name, known in aliases.items():
        frame[name] = frame[name].replace(dict(known))
    _check(frame, path)
    return frame


def _number(column: "pd.Series[Any]", what: str) -> "pd.Series[float]":
    try:
        return pd.to_numeric(column).astype(float)
    except (ValueError, TypeError) as error:
        raise UserError(f"{what} must hold numbers: {error}.") from None


def _check(frame: pd.DataFrame, path: str) -> None:
    scores = frame[list(SCORES)].stack()
    if scores.empty:
        raise UserError(f"report.published: {path} has no score in any of {', '.join(SCORES)}.")
    if not (1 < scores.max() <= 100 and scores.min() >= 0):
        raise UserError(
            f"report.published: the scores in {path} must be in percent; the highest is {scores.max():g}, "
            f"the lowest {scores.min():g}."
        )
    twice = frame[frame.assign(poison_ratio=_ratio(frame)).duplicated(list(IDENTITY))]
    if len(twice):
        cell = ", ".join(str(twice[name].iloc[0]) for name in IDENTITY)
        raise UserError(f"report.published: {path} has two rows for {cell} (after aliases): keep one.")


def compare(summary: pd.DataFrame, published: pd.DataFrame | None) -> pd.DataFrame:
    """The measured settings that were published too; none if nothing published was given.

    Returns:
        The rows of the summary with `<score>_published` and `<score>_difference` (measured - published, in
        percentage points) of each of `SCORES`.
    """
    if published is None:
        published = pd.DataFrame({name: pd.Series(dtype=float) for name in (*IDENTITY, *SCORES)})
        published = published.astype(dict.fromkeys(IDENTITY[:-1], object))
    keys = [*IDENTITY[:-1], "_ratio"]
    theirs = published.rename(columns={name: f"{name}_published" for name in SCORES})
    theirs = theirs.assign(_ratio=_ratio(theirs)).drop(columns="poison_ratio")
    both = summary.assign(_ratio=_ratio(summary)).merge(theirs, on=keys, validate="many_to_one")
    for name in SCORES:
        both[f"{name}_difference"] = (both[f"{name}_mean"] - both[f"{name}_published"]).round(6)
    return both.drop(columns="_ratio")


def _ratio(frame: pd.DataFrame) -> "pd.Series[float]":
    """The poisoning ratio to compare by: 0 of a clean model, and no float too long."""
    return frame["poison_ratio"].where(frame["attack"] != NONE, 0.0).round(9)


def published_figure(compared: pd.DataFrame, given: bool) -> Figure:
    """Measured scores over published ones; on the diagonal they agree.

    Args:
        compared: see `compare`.
        given: whether there was a table of published results at all.
    """
    if compared.empty:
        found = "None of the published results was measured here."
        return drawing.note(
            TITLE, found if given else "No published results were given (report.published).", compared
        )
    count = len(compared)
    title = f"{TITLE}: {count} setting{'s' if count > 1 else ''}"
    return Figure(title, _draw(compared, title), _plotly(compared, title), compared)


@style.styled
def _draw(compared: pd.DataFrame, title: str) -> Drawn:
    figure, panels = style.canvas(title, style.PAGE, 2.7, columns=len(NAMES))
    for axes, (score, name) in zip(panels, NAMES.items(), strict=True):
        _panel(axes, compared, score)
        axes.set(title=name, xlabel="published", ylabel="measured")
    handles, labels = panels[0].get_legend_handles_labels()
    drawing.legend(figure, handles, labels)
    return Drawn(figure)


def _panel(axes: Axes, compared: pd.DataFrame, score: str) -> None:
    axes.plot([0, 100], [0, 100], color="#888888", linewidth=0.7, linestyle=":")
    for number, attack in enumerate(in_order(compared["attack"])):
        own = compared[compared["attack"] == attack]
        axes.errorbar(
            own[f"{score}_published"], own[f"{score}_mean"], own[f"{score}_std"].fillna(0),
            fmt=drawing.MARKERS[number % len(drawing.MARKERS)], color=drawing.color(number), label=attack,
            elinewidth=0.5, markersize=3 if len(compared) < CROWD else 1.8, alpha=0.7,
        )  # fmt: skip
    axes.set(xlim=(-3, 103), ylim=(-3, 103), aspect="equal")
    axes.grid()


def _plotly(compared: pd.DataFrame, title: str) -> dict[str, Any]:
    axis = {"range": [-3, 103]}
    x, y = ({**axis, "title": {"text": name}} for name in ("published", "measured"))
    layout = drawing.web_multiples(list(NAMES.values()), 3, x, y)
    layout["shapes"] = [
        {
            "type": "line", "xref": f"x{panel}", "yref": f"y{panel}", "x0": 0, "y0": 0, "x1": 100, "y1": 100,
            "line": {"color": "#888888", "width": 1, "dash": "dot"},
        }
        for panel in (1, 2, 3)
    ]  # fmt: skip
    traces = [
        _trace(compared[compared["attack"] == attack], attack, number, score, panel)
        for panel, score in enumerate(NAMES, start=1)
        for number, attack in enumerate(in_order(compared["attack"]))
    ]
    return {"data": traces, "layout": style.plotly_layout(title, **{**layout, "height": 480})}


def _trace(own: pd.DataFrame, attack: str, number: int, score: str, panel: int) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "name": attack, "legendgroup": attack,
        "showlegend": panel == 1, "xaxis": f"x{panel}", "yaxis": f"y{panel}",
        "marker": {"color": style.web(drawing.color(number)), "symbol": drawing.WEB_MARKERS[number % 12]},
        "x": drawing.numbers(own[f"{score}_published"]), "y": drawing.numbers(own[f"{score}_mean"]),
        "text": [setting_name(cell) for _, cell in own.iterrows()],
        "hovertemplate": "%{text}<br>published %{x:.2f}<br>measured %{y:.2f}<extra></extra>",
    }  # fmt: skip
