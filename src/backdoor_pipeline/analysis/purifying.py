"""What a defense that takes words out takes from clean and from triggered sentences, and what is left."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.lines import Line, Panel, line_figure

MOST = 12  # words removed that are told apart; more share the last place
BINS = 30  # of perplexities
LOOKS = {"clean": (style.BLUE, "-"), "triggered": (style.VERMILION, "-"), "purified": (style.GREEN, "--")}
SHARE = "sentences of each kind (%)"


def words_removed_figure(removed: Mapping[str, Sequence[int]], title: str) -> Figure:
    """Histograms of how many words were taken out of a sentence.

    Args:
        removed: by kind, `clean` and perhaps `triggered`: of each sentence.
        title: names the experiment.

    Returns:
        The figure; its table has a row per kind and number (the last: so many or more): `kind`, `words`,
        `sentences`, `share` of the kind's.
    """
    shown = {kind: np.minimum(counts, MOST) for kind, counts in removed.items()}
    last = max(int(counts.max()) for counts in shown.values())
    found = {kind: np.bincount(counts, minlength=last + 1) for kind, counts in shown.items()}
    label = "words removed" + (f" ({MOST}: or more)" if last == MOST else "")
    table = _table(found, "words", np.arange(last + 1))
    return line_figure(title, [Panel(label, SHARE, _lines(table, "words"))], table)


def perplexity_figure(perplexities: Mapping[str, Sequence[float]], title: str) -> Figure:
    """Histograms of the perplexity of sentences to the defense's language model, in bins of equal ratios.

    Args:
        perplexities: by kind, `clean` and perhaps `triggered` and `purified`: of each sentence, above 0.
        title: names the experiment.

    Returns:
        The figure; its table has a row per kind and bin: `kind`, `log10_perplexity` (the bin's middle),
        `sentences`, `share` of the kind's.
    """
    logs = {kind: np.log10(values) for kind, values in perplexities.items()}
    every = np.concatenate(list(logs.values()))
    edges = np.histogram_bin_edges(every, BINS)
    found = {kind: np.histogram(values, edges)[0] for kind, values in logs.items()}
    table = _table(found, "log10_perplexity", (edges[1:] + edges[:-1]) / 2)
    panel = Panel("log10 of the perplexity", SHARE, _lines(table, "log10_perplexity"), whole=False)
    return line_figure(title, [panel], table)


def _table(found: Mapping[str, "np.ndarray"], name: str, places: "np.ndarray") -> pd.DataFrame:
    parts = [
        pd.DataFrame({"kind": kind, name: places, "sentences": counts, "share": counts / counts.sum()})
        for kind, counts in found.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _lines(table: pd.DataFrame, name: str) -> list[Line]:
    return [
        Line(f"{kind} ({mine['sentences'].sum():,})", *LOOKS[str(kind)], 100 * mine.set_index(name)["share"])
        for kind, mine in table.groupby("kind", sort=False)
    ]
