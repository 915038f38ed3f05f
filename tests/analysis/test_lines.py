import io
import json

import pandas as pd
import pytest
from PIL import Image

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.lines import Line, Panel, line_figure, note


def panel(**changes) -> Panel:
    values = pd.Series([0.1, float("nan"), 10.0], index=[1, 2, 3])
    usual = {"xlabel": "epoch", "ylabel": "loss", "lines": [Line("clean", style.BLUE, "--", values)]}
    return Panel(**(usual | changes))


def test_points_that_are_not_numbers_are_left_out_and_a_label_is_in_the_legend_once() -> None:
    figure = line_figure("title", [panel(), panel(ylabel="accuracy")], pd.DataFrame({"a": [1]}, index=[7]))
    first, second = figure.plotly["data"]
    assert first["x"] == [1, 3]
    assert first["y"] == [0.1, 10.0]
    assert first["line"]["dash"] == "dash"
    assert (first["showlegend"], second["showlegend"]) == (True, False)
    assert (first["xaxis"], second["xaxis"]) == ("x", "x2")
    assert figure.table.index.tolist() == [0]
    json.dumps(figure.plotly, allow_nan=False)


def test_panels_of_other_lines_have_legends_of_their_own() -> None:
    other = panel(lines=[Line("poisoned", style.ORANGE, "-", pd.Series([1.0]))])
    figure = line_figure("title", [panel(), other], pd.DataFrame())
    first, second = figure.plotly["data"]
    assert (first["legend"], second["legend"]) == ("legend", "legend2")
    layout = figure.plotly["layout"]
    assert layout["legend"]["x"] < 0.5 < layout["legend2"]["x"]
    own = [axes.get_legend().get_texts()[0].get_text() for axes in figure.drawn.canvas.axes]
    assert own == ["clean", "poisoned"]
    assert not figure.drawn.canvas.legends


@pytest.mark.parametrize(("panels", "inches"), [(1, style.COLUMN), (3, style.PAGE)])
def test_one_panel_is_a_column_wide_and_more_are_a_page(panels: int, inches: float) -> None:
    figure = line_figure("title", [panel()] * panels, pd.DataFrame())
    assert Image.open(io.BytesIO(figure.png)).width == pytest.approx(inches * style.DPI, abs=2)


def test_axes_are_as_asked() -> None:
    asked = panel(log=True, ylim=(1, 100), mark=(2.5, "in training"))
    layout = line_figure("title", [panel(), asked], pd.DataFrame()).plotly["layout"]
    assert layout["yaxis2"]["type"] == "log"
    assert layout["yaxis2"]["range"] == [0, 2], "plotly takes logarithms"
    assert "type" not in layout["yaxis"]
    (line,) = layout["shapes"]
    assert line["x0"] == line["x1"] == 2.5
    assert line["xref"] == "x2"


def test_the_same_lines_make_the_same_picture_and_others_another() -> None:
    one, again = (line_figure("title", [panel()], pd.DataFrame()).png for _ in range(2))
    other = line_figure("title", [panel(log=True)], pd.DataFrame()).png
    assert one == again != other


def test_a_note_says_its_sentence() -> None:
    figure = note("title", "There is nothing: add --params watch.forgetting:true to see it here.")
    assert figure.table["note"].tolist() == [figure.plotly["layout"]["annotations"][0]["text"]]
    assert Image.open(io.BytesIO(figure.png)).width == style.COLUMN * style.DPI
    assert figure.png != note("title", "Other words.").png
