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
    (printed,) = figure.drawn.canvas.axes[0].lines
    assert printed.get_xydata().tolist() == [[1, 0.1], [3, 10.0]]
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
    figure = line_figure("title", [panel(), asked], pd.DataFrame())
    layout = figure.plotly["layout"]
    assert layout["yaxis2"]["type"] == "log"
    assert layout["yaxis2"]["range"] == [0, 2], "plotly takes logarithms"
    assert "type" not in layout["yaxis"]
    (line,) = layout["shapes"]
    assert line["x0"] == line["x1"] == 2.5
    assert line["xref"] == "x2"
    printed = figure.drawn.canvas.axes[1].lines[-1]
    assert (printed.get_label(), printed.get_xdata()) == ("in training", [2.5, 2.5])


def of_heights(*lines: list[float]) -> Panel:
    named = [Line(str(number), style.BLUE, "-", pd.Series(values)) for number, values in enumerate(lines)]
    return panel(lines=named, log=True)


def test_one_point_near_zero_does_not_press_the_rest_flat() -> None:
    fallen = of_heights([2.0, 1.5, 1.0, 2.0, 0.4], [4.0, 2.0, 1e-10, 2.0, 2.0])
    assert fallen.heights == (0.01, 6.0), "a hundredth of the lower line's quartile, 1.5 times the most"
    figure = line_figure("title", [fallen], pd.DataFrame())
    (axes,) = figure.drawn.canvas.axes
    assert axes.get_ylim() == (0.01, 6.0)
    assert figure.plotly["layout"]["yaxis"]["range"] == pytest.approx([-2, 0.778], abs=1e-3)
    assert 1e-10 in figure.plotly["data"][1]["y"], "who moves the axis sees it"


def test_an_axis_goes_as_far_as_its_lines_do_otherwise() -> None:
    steady = of_heights([2.0, 1.0, 0.5], [1e-5, 1e-6, 1e-7])
    assert steady.heights is None, "all of a line is low"
    assert of_heights([2.0, 0.0, 1.0]).heights is None, "zeros are not shown anyhow"
    assert of_heights([0.0]).heights is None
    assert panel().heights is None


def test_the_same_lines_make_the_same_picture_and_others_another() -> None:
    one, again = (line_figure("title", [panel()], pd.DataFrame()).png for _ in range(2))
    other = line_figure("title", [panel(log=True)], pd.DataFrame()).png
    assert one == again != other


def test_a_note_says_its_sentence() -> None:
    figure = note("title", "There is nothing: add --params watch.forgetting:true to see it here.")
    assert figure.table["note"].tolist() == [figure.plotly["layout"]["annotations"][0]["text"]]
    assert Image.open(io.BytesIO(figure.png)).width == style.COLUMN * style.DPI
    assert figure.png != note("title", "Other words.").png
