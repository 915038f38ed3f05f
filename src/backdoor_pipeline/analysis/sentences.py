"""What a textual trigger looks like: clean, triggered and purified sentences, changed words marked."""

import html
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import pandas as pd

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure

LINE = 108  # characters of the print that fit the width of a page
PITCH = 0.145  # inches from line to line
CHARACTER = 0.0585  # inches: the width of one at 7 points

Marked = list[tuple[str, bool]]  # words, and whether the sentence before has no such word there


def sentence_sheet(
    versions: Mapping[str, Sequence[str]], true: Sequence[str], wanted: Sequence[str], title: str
) -> Figure:
    """Sentences below one another in each of their versions; words that the version before lacks are marked.

    Args:
        versions: by name, the first of them clean: the same sentences in each.
        true: the names of their classes.
        wanted: of those that the attack wants.
        title: names the experiment.

    Returns:
        The sheet; its table has a row per sentence and version: `words_added` and `words_removed` are counted
        against the version before.
    """
    names = list(versions)
    rows = []
    for number in range(len(true)):
        before: list[str] | None = None
        for name in names:
            words = versions[name][number].split()
            marked, removed = changes(words if before is None else before, words)
            rows.append((f"{true[number]} → {wanted[number]}", name, marked, removed))
            before = words
    table = pd.DataFrame(
        {
            "sentence": [row // len(names) for row in range(len(rows))],
            "true": [true[row // len(names)] for row in range(len(rows))],
            "wanted": [wanted[row // len(names)] for row in range(len(rows))],
            "version": [name for _, name, _, _ in rows],
            "text": [" ".join(word for word, _ in marked) for _, _, marked, _ in rows],
            "words_added": [sum(new for _, new in marked) for _, _, marked, _ in rows],
            "words_removed": [removed for *_, removed in rows],
        }
    )
    told = [(label, name, marked) for label, name, marked, _ in rows]
    return Figure(title, _draw(title, told, len(names)), _plotly(title, told), table)


def changes(before: Sequence[str], after: Sequence[str]) -> tuple[Marked, int]:
    """The words of `after`, each with whether it is new, and how many of `before` are gone.

    >>> changes(["a", "b"], ["a", "cf"])
    ([('a', False), ('cf', True)], 1)
    """
    marked: Marked = [(word, True) for word in after]
    kept = 0
    for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        kept += block.size
        marked[block.b : block.b + block.size] = [
            (word, False) for word in after[block.b : block.b + block.size]
        ]
    return marked, len(before) - kept


def _lines(marked: Marked) -> Iterator[list[tuple[int, str, bool]]]:
    """The words in lines that fit, each with the column that it starts in."""
    line: list[tuple[int, str, bool]] = []
    column = 0
    for word, new in marked:
        if line and column + len(word) > LINE:
            yield line
            line, column = [], 0
        line.append((column, word, new))
        column += len(word) + 1
    yield line


@style.styled
def _draw(title: str, rows: list[tuple[str, str, Marked]], versions: int) -> Drawn:
    placed: list[tuple[float, float, str, dict[str, Any]]] = []
    top = 0.0
    for number, (label, name, marked) in enumerate(rows):
        if number % versions == 0:
            top += PITCH / 2
            placed.append((0, top, label, {"weight": "bold"}))
            top += PITCH
        placed.append((0, top, name, {"color": "0.4"}))
        for line in _lines(marked):
            for column, word, new in line:
                look: dict[str, Any] = {"color": style.VERMILION, "weight": "bold"} if new else {}
                placed.append((0.72 + CHARACTER * column, top, word, {**look, "family": "monospace"}))
            top += PITCH
    figure, (axes,) = style.canvas(title, style.PAGE, top)
    axes.set_axis_off()
    axes.set_xlim(0, style.PAGE)
    axes.set_ylim(top, 0)
    for x, y, text, look in placed:
        axes.text(x, y, text, fontsize=7, va="top", **look)
    return Drawn(figure)


def _plotly(title: str, rows: list[tuple[str, str, Marked]]) -> dict[str, Any]:
    def told(marked: Marked) -> str:
        words = (
            f"<b><span style='color:{style.VERMILION}'>{html.escape(word)}</span></b>"
            if new
            else html.escape(word)
            for word, new in marked
        )
        return " ".join(words)

    cells = [
        [html.escape(label) for label, _, _ in rows],
        [name for _, name, _ in rows],
        [told(marked) for _, _, marked in rows],
    ]
    trace = style.web_table(["class", "version", "sentence"], cells, columnwidth=[1, 0.7, 6])
    return {"data": [trace], "layout": style.plotly_layout(title)}
