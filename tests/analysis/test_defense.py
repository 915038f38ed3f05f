from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex

from backdoor_pipeline.analysis.defense import defense_figure
from backdoor_pipeline.analysis.style import BLUE, ORANGE, VERMILION
from backdoor_pipeline.defenses.diagnostics import Curve, Diagnostics

HISTORY = pd.DataFrame({"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.0]})
NO_HISTORY = pd.DataFrame({"epoch": []})
NO_SUSPICION = pd.DataFrame({"score": [], "flagged": []})
NOBODY = np.array([], dtype="<U8")


def test_every_panel_is_in_the_table() -> None:
    suspicion = pd.DataFrame({"score": [0.0, 0.1, 0.2, 1.0], "flagged": [False, False, False, True]})
    kinds = np.array(["clean", "clean", "cross", "poisoned"])
    curve = Curve("threshold", {"threshold": [0.0, 0.5], "held_out_accuracy": [0.9, 0.8]}, chosen=0.5)
    pictures = {f"class {k}": torch.rand(3, 8, 8) for k in range(10)}
    figure = defense_figure(HISTORY, suspicion, kinds, Diagnostics(curve, pictures), "a title")
    table = figure.table
    assert set(table["panel"]) == {"loss", "search", "suspicion"}
    assert table[table["panel"] == "search"][["x", "y"]].values.tolist() == [[0.0, 0.9], [0.5, 0.8]]
    bars = table[table["panel"] == "suspicion"].groupby("series")["y"].sum()
    assert bars.to_dict() == {"clean": 1.0, "cross": 1.0, "poisoned": 1.0}
    poisoned = table[(table["series"] == "poisoned") & (table["y"] > 0)]
    assert poisoned["x"].item() == pytest.approx(0.99), "the middle of the last of fifty bins"
    loss, search, bars, _ = figure.drawn.canvas.axes
    assert loss.lines[0].get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert search.lines[0].get_xydata().tolist() == [[0.0, 0.9], [0.5, 0.8]]
    assert search.lines[1].get_xdata() == [0.5, 0.5], "the threshold that was chosen"
    printed = {
        kind.get_label(): [(bar.get_center()[0], bar.get_height()) for bar in kind if bar.get_height()]
        for kind in bars.containers
    }
    assert printed["clean"] == [(pytest.approx(0.01), 0.5), (pytest.approx(0.11), 0.5)]
    assert printed["poisoned"] == [(pytest.approx(0.99), 1)]
    colors = {kind.get_label(): to_hex(kind.patches[0].get_facecolor()).upper() for kind in bars.containers}
    assert colors == {"clean": BLUE, "cross": ORANGE, "poisoned": VERMILION}
    assert figure.png.startswith(b"\x89PNG")
    assert {trace["name"] for trace in figure.plotly["data"]} == {
        "loss", "held_out_accuracy", "clean", "cross", "poisoned",
    }  # fmt: skip


def test_the_browser_shows_the_points_of_the_table() -> None:
    suspicion = pd.DataFrame({"score": [0.0, 1.0], "flagged": [False, True]})
    curve = Curve("threshold", {"threshold": [0.0, 0.5], "held_out_accuracy": [0.9, 0.8]}, chosen=0.5)
    kinds = np.array(["clean", "poisoned"])
    figure = defense_figure(HISTORY, suspicion, kinds, Diagnostics(curve), "a title")
    assert len(figure.plotly["data"]) == 4
    for trace in figure.plotly["data"]:
        points = figure.table[figure.table["series"] == trace["name"]]
        assert (trace["x"], trace["y"]) == (points["x"].tolist(), points["y"].tolist())


def test_the_first_dozen_pictures_are_shown_upright_in_rows_of_three() -> None:
    made = {f"class {k}": torch.rand(3, 4, 4) for k in range(13)}
    made["class 1"] = torch.rand(1, 4, 4)
    figure = defense_figure(NO_HISTORY, NO_SUSPICION, NOBODY, Diagnostics(None, made), "a title")
    (axes,) = figure.drawn.canvas.axes
    assert [text.get_text() for text in axes.texts] == list(made)[:12]
    shown = [image.get_array() for image in axes.images]
    np.testing.assert_array_equal(shown[0], made["class 0"].permute(1, 2, 0))
    np.testing.assert_array_equal(shown[1][:, :, 2], made["class 1"][0], "gray")
    places = [image.get_extent() for image in axes.images[:4]]  # left, right, bottom, top
    assert places[1] == pytest.approx((4.4, 8.4, 4, 0))
    assert places[3] == pytest.approx((0, 4, 9.6, 5.6)), "below the first"


def test_scores_of_images_of_which_nobody_knows_whether_they_are_poisoned_are_shown() -> None:
    suspicion = pd.DataFrame({"score": [0.0, 0.5, 1.0], "flagged": [False] * 3})
    figure = defense_figure(NO_HISTORY, suspicion, np.array(["unknown"] * 3), Diagnostics(), "a title")
    assert set(figure.table["series"]) == {"unknown"}
    assert figure.table["y"].sum() == pytest.approx(1)
    (trace,) = figure.plotly["data"]
    assert (trace["name"], trace["type"]) == ("unknown", "bar")
    (axes,) = figure.drawn.canvas.axes
    assert [one.get_text() for one in axes.get_legend().get_texts()] == ["unknown"]


def test_a_defense_that_leaves_nothing_still_has_a_figure() -> None:
    figure = defense_figure(NO_HISTORY, NO_SUSPICION, NOBODY, Diagnostics(), "a title")
    assert figure.table.empty
    assert figure.png.startswith(b"\x89PNG")


def test_equal_scores_fill_one_bin() -> None:
    suspicion = pd.DataFrame({"score": [1.0, 1.0], "flagged": [False, False]})
    figure = defense_figure(NO_HISTORY, suspicion, np.array(["clean", "poisoned"]), Diagnostics(), "t")
    assert (figure.table["y"] > 0).sum() == 2


def test_what_is_no_share_has_a_panel_of_its_own() -> None:
    columns = {"threshold": [0.0, 0.5], "accuracy": [0.9, 0.8], "pruned": [0.0, 40.0], "lost": [0.0, 0.1]}
    shown = Diagnostics(Curve("threshold", columns, chosen=0.5))
    figure = defense_figure(NO_HISTORY, NO_SUSPICION, NOBODY, shown, "t")
    series = figure.table.groupby("panel")["series"].unique().map(list).to_dict()
    assert series == {"search": ["accuracy", "lost"], "pruned": ["pruned"]}
    assert [trace["xaxis"] for trace in figure.plotly["data"]] == ["x", "x", "x2"]
    assert {trace["mode"] for trace in figure.plotly["data"]} == {"lines"}


def test_classes_are_points_without_a_line() -> None:
    shown = Diagnostics(Curve("class", {"class": [0.0, 1.0], "mask_l1": [30.0, 2.0]}, chosen=1.0))
    figure = defense_figure(HISTORY, NO_SUSPICION, NOBODY, shown, "t")
    assert {trace["name"]: trace["mode"] for trace in figure.plotly["data"]} == {
        "loss": "lines", "mask_l1": "markers",
    }  # fmt: skip


def test_phases_are_lines_of_their_own() -> None:
    history = HISTORY.assign(phase=[1, 1, 2])
    figure = defense_figure(history, NO_SUSPICION, NOBODY, Diagnostics(), "t")
    points = figure.table[["series", "x", "y"]].values.tolist()
    assert points == [["phase 1", 1, 3.0], ["phase 1", 2, 2.0], ["phase 2", 3, 1.0]]
    assert {trace["mode"] for trace in figure.plotly["data"]} == {"lines"}


def test_the_names_of_points_are_beside_them_and_those_of_classes_do_not_overlap() -> None:
    classes = list(range(43))
    columns = {"class": classes, "mask_l1": [float(one) for one in classes], "index": [2.0] * 43}
    columns |= {"suspect_share": [one / 43 for one in classes], "silhouette": [0.9] * 43}
    shown = Diagnostics(Curve("class", columns), {"7 (4.1)": torch.rand(3, 8, 8)})
    canvas = defense_figure(HISTORY, NO_SUSPICION, NOBODY, shown, "t").drawn.canvas
    canvas.draw_without_rendering()
    panels = [axes for axes in canvas.axes if axes.get_xlabel() == "class"]
    assert len(panels) == 3
    for axes in panels:
        names = [
            tick.label1.get_window_extent() for tick in axes.xaxis.get_major_ticks() if tick.label1.get_text()
        ]
        inside = [box for box in names if axes.bbox.x0 <= (box.x0 + box.x1) / 2 <= axes.bbox.x1]
        assert all(left.x1 + 3 < right.x0 for left, right in pairwise(inside))
        if legend := axes.get_legend():
            assert legend.get_window_extent().y1 < axes.xaxis.label.get_window_extent().y0
    assert any(axes.get_legend() for axes in panels)
