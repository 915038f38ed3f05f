"""How often training images are forgotten: poisoned against clean (B.7)."""

from typing import Any

import pandas as pd

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.dynamics import COLORS, UNWATCHED
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.lines import note
from backdoor_pipeline.analysis.recorder import KINDS

MOST = 12  # events told apart; more share the last bar
LEAST = 0.01  # of a kind's samples are in the last bar drawn, or more share it


def forgetting_figure(samples: pd.DataFrame, title: str) -> Figure:
    """Histograms of forgetting events per sample.

    Samples that were shown once could not be forgotten and are left out: there are such where the attacker
    draws anew in every epoch whom to poison.

    Args:
        samples: see `SampleRecorder.frame`; empty if the training was not watched.
        title: names the experiment.

    Returns:
        The figure; its table is that of `forgetting_table`.
    """
    table = forgetting_table(samples)
    if table.empty:
        return note(title, UNWATCHED)
    bars = drawn_bars(table)
    return Figure(title, _draw(bars, title), _plotly(bars, title), table)


def forgetting_table(samples: pd.DataFrame) -> pd.DataFrame:
    """A row per kind and number of events.

    Returns:
        `role`, `events` (the last number: so many or more), `samples`, `share` of the kind's samples, and, of
        the whole kind, `mean` events per sample, `rate` (events per chance: each showing after the first is
        one) and `never_learned`, the share that was never answered right.
    """
    rows = []
    for role in KINDS if len(samples) else ():
        mine = samples[(samples["role"] == role) & (samples["shown"] > 1)]
        if len(mine):
            counts = mine["events"].clip(upper=MOST).value_counts().sort_index()
            counts = counts.reindex(range(int(counts.index.max()) + 1), fill_value=0)
            whole = {
                "mean": mine["events"].mean(),
                "rate": mine["events"].sum() / (mine["shown"] - 1).sum(),
                "never_learned": 1 - mine["learned"].mean(),
            }
            rows += [
                {"role": role, "events": events, "samples": count, "share": count / len(mine), **whole}
                for events, count in counts.items()
            ]
    return pd.DataFrame(rows)


def drawn_bars(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `forgetting_table` that are worth a bar: the thin end of the tail shares the last one.

    Returns:
        The same columns, and `bar`, what stands below each: "5+" is five events or more.
    """
    at_least = table[::-1].groupby("role")["share"].cumsum()
    last = int(table.loc[at_least >= LEAST, "events"].max())
    shared = table["events"].max() > last or last == MOST
    bars = table.assign(events=table["events"].clip(upper=last))
    counted = {"samples": "sum", "share": "sum", "mean": "first", "rate": "first", "never_learned": "first"}
    bars = bars.groupby(["role", "events"], sort=False).agg(counted).reset_index()
    named = bars["events"].astype(str)
    return bars.assign(bar=named.where((bars["events"] < last) | (not shared), named + "+"))


@style.styled
def _draw(table: pd.DataFrame, title: str) -> Drawn:
    figure, (axes,) = style.canvas(title, style.COLUMN, 2.5)
    kinds = [kind for kind in KINDS if kind in set(table["role"])]
    width = 0.84 / len(kinds)
    for number, kind in enumerate(kinds):
        mine = table[table["role"] == kind]
        places = mine["events"] + (number - (len(kinds) - 1) / 2) * width
        axes.bar(places, 100 * mine["share"], width, color=COLORS[kind], label=_label(mine))
    axes.set(xlabel="forgetting events", ylabel="samples of each kind (%)")
    named = dict(zip(table["events"], table["bar"], strict=True))
    axes.set_xticks(list(named), list(named.values()))
    axes.set_xlim(-0.6, table["events"].max() + 0.6)
    axes.grid(axis="y")
    figure.legend(loc="outside lower center")
    return Drawn(figure)


def _label(mine: pd.DataFrame) -> str:
    first = mine.iloc[0]
    often = f"{first['mean']:.2f} events each, {100 * first['rate']:.1f} % of chances"
    return f"{first['role']} ({mine['samples'].sum():,}): {often}"


def _plotly(table: pd.DataFrame, title: str) -> dict[str, Any]:
    bars = [
        {
            "type": "bar",
            "name": _label(mine),
            "x": mine["events"].tolist(),
            "y": (100 * mine["share"]).tolist(),
            "marker": {"color": COLORS[str(kind)]},
        }
        for kind, mine in table.groupby("role", sort=False)
    ]
    places, names = table["events"].tolist(), table["bar"].tolist()
    layout = style.plotly_layout(
        title,
        barmode="group",
        xaxis={"title": {"text": "forgetting events"}, "tickvals": places, "ticktext": names},
        yaxis={"title": {"text": "samples of each kind (%)"}},
        legend={"x": 1, "xanchor": "right", "y": 1},
    )
    return {"data": bars, "layout": layout}
