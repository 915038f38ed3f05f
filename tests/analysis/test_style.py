import io
import subprocess
import sys

import matplotlib as mpl
import pytest
from PIL import Image

from backdoor_pipeline.analysis import style


@style.styled
def drawing(title="A figure"):
    figure, (axes,) = style.canvas(title, style.COLUMN, 1.5)
    axes.plot([0, 1], [0, 1])
    return style.png(figure)


def test_the_same_figure_is_the_same_file():
    assert drawing() == drawing()


def test_a_long_title_wraps_and_gets_its_room():
    short, long = (Image.open(io.BytesIO(drawing(title))).size for title in ("A figure", "A figure " * 20))
    assert short[0] == long[0] == 700
    assert long[1] - short[1] == pytest.approx(3 * 0.17 * 200, abs=15)  # four lines instead of one


def test_the_look_stays_inside_the_figure():
    before = dict(mpl.rcParams)
    drawing()
    assert dict(mpl.rcParams) == before


def test_no_figure_touches_pyplot_or_needs_plotly():
    code = (
        "import sys; from backdoor_pipeline.analysis import confusion, curves, samples;"
        "print([m for m in ('matplotlib.pyplot', 'plotly', 'kedro', 'mlflow', 'click') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("Defense ft: digits, seed 0", 24, ["Defense ft:", "digits, seed 0"]),
        ("one two", 10, ["one two"]),
        ("a verylongword b", 14, ["a verylongword", "b"]),
        ("", 10, []),
    ],
)
def test_lines_of_a_title_are_about_equally_long_and_no_word_is_cut(text, width, lines) -> None:
    assert style.wrapped(text, width) == lines
