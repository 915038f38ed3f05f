import io
import subprocess
import sys

import matplotlib as mpl
import pytest
from helpers.figures import picture
from PIL import Image

from backdoor_pipeline.analysis import style


def drawing(title="A figure"):
    return picture(title).picture()


def test_the_same_figure_is_the_same_file():
    assert drawing() == drawing()


def test_a_long_title_wraps_and_gets_its_room():
    short, long = (Image.open(io.BytesIO(drawing(title))).size for title in ("A figure", "A figure " * 20))
    assert short[0] == long[0] == 700
    assert long[1] - short[1] == pytest.approx(3 * 0.17 * 200, abs=15)  # four lines instead of one


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_every_format_is_itself_and_the_same_each_time(kind, start) -> None:
    one, again = (picture().picture(kind) for _ in range(2))
    assert one.startswith(start)
    assert one == again


def test_a_picture_does_without_its_title() -> None:
    drawn = picture("A figure " * 10)
    titled, bare, again = (drawn.picture(titled=titled) for titled in (True, False, True))
    heights = [Image.open(io.BytesIO(one)).height for one in (titled, bare)]
    assert heights[0] - heights[1] > 2 * 0.17 * 200 * 0.8
    assert again == titled


def test_titles_of_a_column_break_at_their_colon() -> None:
    figures = [style.canvas(f"{what}: digits", style.COLUMN, 1.0)[0] for what in ("A", "A long one")]
    assert [figure.get_suptitle() for figure in figures] == ["A:\ndigits", "A long one:\ndigits"]
    assert style.canvas("A: digits", style.PAGE, 1.0)[0].get_suptitle() == "A: digits"


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


def test_a_figure_of_the_browser_suits_light_and_dark_pages() -> None:
    layout = style.plotly_layout("title", xaxis={"title": {"text": "epoch"}}, yaxis2={"showgrid": False})
    assert layout["plot_bgcolor"] == layout["paper_bgcolor"] == style.CLEAR
    assert "color" not in layout["font"], "the page's"
    for axis in (layout["xaxis"], layout["yaxis2"]):
        assert axis["gridcolor"] == axis["linecolor"] == style.FAINT
    assert style.web(style.BLACK) == style.NEUTRAL
    assert style.web(style.BLUE) == style.BLUE


def test_colors_of_the_browser_are_those_of_print() -> None:
    scale = style.web_scale("Oranges")
    assert [place for place, _ in scale] == [step / 8 for step in range(9)]
    assert scale[0][1] == "#fff5eb"
    assert scale[-1][1] == "#7f2704"
