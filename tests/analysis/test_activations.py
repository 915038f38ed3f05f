import pytest
import torch

from backdoor_pipeline.analysis.activations import activation_figure


def test_means_by_hand_in_the_order_of_the_clean_ones() -> None:
    clean = torch.tensor([[1.0, 0.0, 5.0], [3.0, 0.0, 7.0]])
    triggered = torch.tensor([[0.0, 9.0, 5.0]])
    figure = activation_figure({"before": {"clean": clean, "triggered": triggered}}, "a title")
    assert figure.table["clean"].tolist() == [2, 0, 6]
    assert figure.table["triggered"].tolist() == [0, 9, 5]
    lines = {trace["name"]: trace for trace in figure.plotly["data"]}
    assert lines["clean samples"]["y"] == [6, 2, 0]
    assert lines["triggered samples"]["y"] == [5, 0, 9]
    assert lines["clean samples"]["text"][0] == "channel 2"
    clean_line, triggered_line = figure.drawn.canvas.axes[0].lines
    assert clean_line.get_ydata().tolist() == [6, 2, 0]
    assert triggered_line.get_ydata().tolist() == [5, 0, 9]


@pytest.mark.parametrize("models", [["no defense"], ["before defense", "after ft"]])
def test_a_control_has_clean_lines_alone(models) -> None:
    figure = activation_figure({name: {"clean": torch.rand(4, 6)} for name in models}, "a title")
    assert [trace["name"] for trace in figure.plotly["data"]] == ["clean samples"] * len(models)
    assert list(figure.table.columns) == ["model", "channel", "clean"]
