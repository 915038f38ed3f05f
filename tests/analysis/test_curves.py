import io
import json

import numpy as np
import pandas as pd
import plotly.io
import pytest
from PIL import Image

from backdoor_pipeline.analysis.curves import training_curves
from backdoor_pipeline.analysis.style import BLUE, VERMILION

TITLE = "BadNets on CIFAR-10, PreAct-ResNet18 (10 % poisoned, seed 0)"


@pytest.fixture(scope="module")
def history():
    return pd.DataFrame(
        {
            "epoch": [1, 2, 3, 4],
            "loss": [2.0, 1.0, 0.5, 0.25],
            "accuracy": [0.2, 0.5, 0.8, 0.9],
            "clean_accuracy": [np.nan, 0.5, np.nan, 0.75],
            "asr": [np.nan, 0.25, np.nan, 1.0],
            "lr": [0.1, 0.1, 0.01, 0.01],
        }
    )


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB")).astype(int)


def amount(page, color):
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return (np.abs(page - rgb).max(axis=2) < 8).sum()


def test_browser_lines_hold_the_measured_epochs(history):
    text = json.dumps(training_curves(history, TITLE).plotly, allow_nan=False)
    lines = {trace.name: trace for trace in plotly.io.from_json(text).data}
    assert list(lines["training loss"].y) == [2.0, 1.0, 0.5, 0.25]
    assert list(lines["training accuracy"].y) == pytest.approx([20, 50, 80, 90])
    assert list(lines["attack success rate"].x) == [2, 4]
    assert list(lines["attack success rate"].y) == [25, 100]
    assert list(lines["clean test accuracy"].y) == [50, 75]


def test_printed_lines_are_those_of_the_browser(history):
    figure = training_curves(history, TITLE)
    printed = [line for axes in figure.drawn.canvas.axes for line in axes.lines]
    assert len(printed) == 4
    for line, trace in zip(printed, figure.plotly["data"], strict=True):
        assert line.get_label() == trace["name"]
        assert line.get_xdata().tolist() == trace["x"]
        assert line.get_ydata().tolist() == pytest.approx(trace["y"])


def test_print_is_a_page_wide_with_the_loss_left_and_the_attack_right(history):
    page = pixels(training_curves(history, TITLE))
    assert page.shape[1] == 1400
    left, right = page[:, :700], page[:, 700:]
    assert amount(left, BLUE) > 500
    assert amount(right, BLUE) > 500
    assert amount(right, VERMILION) > 200
    assert amount(left, VERMILION) == 0
    assert (page[:4] == 255).all()
    assert (page[-4:] == 255).all()


@pytest.mark.parametrize("absent", ["missing", "NaN"])
def test_a_clean_control_has_no_attack_line(history, absent):
    clean = history.drop(columns="asr") if absent == "missing" else history.assign(asr=np.nan)
    figure = training_curves(clean, TITLE)
    assert "attack success rate" not in [trace["name"] for trace in figure.plotly["data"]]
    assert amount(pixels(figure), VERMILION) == 0


def test_one_epoch_and_only_a_loss(history):
    figure = training_curves(history[["epoch", "loss"]].head(1), TITLE)
    assert [trace["name"] for trace in figure.plotly["data"]] == ["training loss"]
    assert amount(pixels(figure), BLUE) > 20  # a dot, as one epoch makes no line


def test_the_table_is_the_history(history):
    pd.testing.assert_frame_equal(training_curves(history, TITLE).table, history)
