"""No panel is the first one in Kedro-Viz."""

import json

import pandas as pd

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.lines import Line, Panel, line_figure
from backdoor_pipeline.catalog.panels_alike import panels_alike


def test_the_first_axes_have_another_name_wherever_they_are_meant() -> None:
    panel = Panel("x", "y", [Line("a", style.BLUE, "-", pd.Series([1.0, 2.0]))], mark=(1, "there"))
    before = line_figure("title", [panel, panel], pd.DataFrame()).plotly
    after = panels_alike(before)
    assert "xaxis" not in after["layout"]
    assert after["layout"]["xaxis99"] == {**before["layout"]["xaxis"], "anchor": "y99"}
    assert after["layout"]["xaxis2"] == before["layout"]["xaxis2"]
    assert [trace["xaxis"] for trace in after["data"]] == ["x99", "x2"]
    assert [shape["yref"] for shape in after["layout"]["shapes"]] == ["y99 domain", "y2 domain"]
    assert before["layout"]["xaxis"]["anchor"] == "y", "what is saved stays as it is"


def test_what_does_not_name_its_axes_means_the_first() -> None:
    figure = {
        "data": [{"type": "heatmap", "z": [[1]]}, {"type": "table"}],
        "layout": {"annotations": [{"text": "here"}, {"text": "there", "xref": "paper", "yref": "paper"}]},
    }
    after = json.loads(json.dumps(panels_alike(figure)))
    assert after["data"] == [
        {"type": "heatmap", "z": [[1]], "xaxis": "x99", "yaxis": "y99"},
        {"type": "table"},
    ]
    assert [note["xref"] for note in after["layout"]["annotations"]] == ["x99", "paper"]
