"""A table for the eye (HTML), for papers (LaTeX) and for programs (a frame)."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

Rows = Sequence[Sequence[str]]

STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1b1b1b, #e6e6e6); --page: light-dark(#fff, #16181c);
  --line: light-dark(#d8dbe0, #383c44); --head: light-dark(#f3f4f6, #22252b); }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem; }
table { border-collapse: collapse; margin: 0 0 2.5rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0 0 .5rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th, td { white-space: nowrap; }
th { background: var(--head); position: sticky; top: 0; }
th[scope=row], td.text, th.text { text-align: left; }
th[scope=colgroup] { text-align: center; position: static; }
"""
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$",
    "±": r"$\pm$", "–": "--", "−": "$-$",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    r"""One table of a report.

    Attributes:
        title: what it shows.
        frame: its numbers, in percent.
        html: a page of its own.
        latex: what `\input` takes.
    """

    title: str
    frame: pd.DataFrame
    html: str
    latex: str


def plain_table(title: str, frame: pd.DataFrame, heads: Sequence[str], rows: Rows, texts: int) -> Table:
    """A table with one row of headings.

    Args:
        title: its caption.
        frame: its numbers.
        heads: of the columns.
        rows: the cells as they are shown.
        texts: how many columns, from the left, hold words.
    """
    return Table(title, frame, html_page(title, html_table(title, heads, rows, texts)),
                 latex_long(title, heads, rows, texts))  # fmt: skip


def score(mean: float, std: float = float("nan")) -> str:
    """A mean in percent with its standard deviation; of one seed there is none.

    >>> score(93.2, 0.456), score(93.2), score(float("nan"))
    ('93.20 ± 0.46', '93.20', '–')
    """
    if pd.isna(mean):
        return "–"
    return f"{mean:.2f}" if pd.isna(std) else f"{mean:.2f} ± {std:.2f}"


def html_page(title: str, body: str) -> str:
    """A whole page, in the reader's light or dark colors."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def html_table(title: str, heads: Sequence[str], rows: Rows, texts: int) -> str:
    """A table element, its cells escaped."""
    names = "".join(
        f'<th scope="col"{_text_class(number < texts)}>{html.escape(head)}</th>'
        for number, head in enumerate(heads)
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            f"<td{_text_class(number < texts)}>{html.escape(cell)}</td>" for number, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f"<table>\n<caption>{html.escape(title)}</caption>\n<thead><tr>{names}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>"
    )


def _text_class(is_text: bool) -> str:
    return ' class="text"' if is_text else ""


def latex_text(cell: str) -> str:
    r"""Text that LaTeX prints as it is.

    >>> print(latex_text("mobilenet_v3, 10 %"), latex_text("1.00 ± 0.50"))
    mobilenet\_v3, 10 \% 1.00 $\pm$ 0.50
    """
    return "".join(LATEX.get(character, character) for character in cell)


def latex_row(cells: Sequence[str]) -> str:
    """A row of escaped cells."""
    return " & ".join(map(latex_text, cells)) + r" \\"


def latex_long(title: str, heads: Sequence[str], rows: Rows, texts: int) -> str:
    """A table that breaks over pages, its head repeated."""
    head = latex_row(heads)
    lines = [
        r"% \usepackage{booktabs,longtable}",
        rf"\begin{{longtable}}{{{'l' * texts}{'r' * (len(heads) - texts)}}}",
        rf"\caption{{{latex_text(title)}}} \\",
        rf"\toprule {head} \midrule",
        r"\endfirsthead",
        rf"\toprule {head} \midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *map(latex_row, rows),
        r"\end{longtable}",
    ]
    return "\n".join(lines) + "\n"
