"""Sentences side by side, with what changed marked."""

import pytest

from backdoor_pipeline.analysis.sentences import LINE, _lines, changes, sentence_sheet
from backdoor_pipeline.analysis.style import VERMILION


@pytest.mark.parametrize(
    ("before", "after", "new", "gone"),
    [
        ("a b c", "a cf b c", ["cf"], 0),
        ("a b c", "a c", [], 1),
        ("a b", "when x", ["when", "x"], 2),
        ("a a b", "a b", [], 1),
        ("a b", "a b", [], 0),
    ],
)
def test_what_changed(before: str, after: str, new: list[str], gone: int) -> None:
    marked, removed = changes(before.split(), after.split())
    assert [word for word, _ in marked] == after.split()
    assert [word for word, is_new in marked if is_new] == new
    assert removed == gone


def test_lines_fit_and_lose_nothing() -> None:
    marked = [(f"word{number}", number % 7 == 0) for number in range(60)]
    lines = list(_lines(marked))
    assert [(word, new) for line in lines for _, word, new in line] == marked
    assert all(column + len(word) <= LINE for line in lines for column, word, _ in line)


def test_the_sheet_counts_and_marks_words() -> None:
    versions = {"clean": ["a <b> c"], "triggered": ["a cf <b> c"], "purified": ["a <b>"]}
    figure = sentence_sheet(versions, ["bad"], ["good"], "Triggered sentences")
    assert figure.table["version"].tolist() == ["clean", "triggered", "purified"]
    assert figure.table["words_added"].tolist() == [0, 1, 0]
    assert figure.table["words_removed"].tolist() == [0, 0, 2]
    cells = figure.plotly["data"][0]["cells"]["values"]
    assert "<b><span" in cells[2][1]
    assert ">cf</span></b>" in cells[2][1]
    assert "&lt;b&gt;" in cells[2][0], "a sentence is no HTML"
    assert figure.png.startswith(b"\x89PNG")
    printed = [(one.get_text(), one.get_color()) for one in figure.drawn.canvas.axes[0].texts]
    assert [word for word, color in printed if color == VERMILION] == ["cf"]
    words = ["a", "<b>", "c", "triggered", "a", "cf", "<b>", "c", "purified", "a", "<b>"]
    assert [word for word, _ in printed] == ["bad → good", "clean", *words]
