import pandas as pd
import pytest

from backdoor_pipeline.analysis.dynamics import UNWATCHED
from backdoor_pipeline.analysis.forgetting import MOST, forgetting_figure, forgetting_table


def samples(role: str, events: list[int], shown: list[int], learned: list[bool] | None = None):
    return pd.DataFrame(
        {
            "index": range(len(events)),
            "role": role,
            "shown": shown,
            "events": events,
            "learned": learned or [True] * len(events),
        }
    )


FRAME = pd.concat(
    [
        samples("clean", [0, 0, 0, 2], [5] * 4, [True, True, False, True]),
        samples("poisoned", [1, 1, 0], [3, 3, 1]),
    ]
)


def test_the_table_by_hand() -> None:
    table = forgetting_table(FRAME).set_index(["role", "events"])
    assert table["samples"].to_dict() == {
        ("clean", 0): 3, ("clean", 1): 0, ("clean", 2): 1, ("poisoned", 0): 0, ("poisoned", 1): 2,
    }  # fmt: skip
    assert table.loc[("clean", 0), "share"] == 0.75
    assert table.loc[("clean", 0), "mean"] == 0.5
    assert table.loc[("clean", 0), "rate"] == pytest.approx(2 / 16)
    assert table.loc[("clean", 0), "never_learned"] == 0.25
    assert table.loc[("poisoned", 1), "rate"] == pytest.approx(2 / 4), "the one shown once had no chance"


def test_many_events_share_the_last_bar() -> None:
    table = forgetting_table(samples("clean", [MOST, MOST + 5, 0], [50] * 3))
    assert table["events"].max() == MOST
    assert table.set_index("events").loc[MOST, "samples"] == 2
    assert table["mean"].iloc[0] == pytest.approx((2 * MOST + 5) / 3)


def test_the_figure_has_bars_for_each_kind() -> None:
    figure = forgetting_figure(FRAME, "title")
    clean, poisoned = figure.plotly["data"]
    assert clean["name"] == "clean (4): 0.50 events each, 12.5 % of chances"
    assert clean["y"] == [75, 0, 25]
    assert poisoned["y"] == [0, 100]
    assert clean["marker"] != poisoned["marker"]
    (axes,) = figure.drawn.canvas.axes
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert heights == [[75, 0, 25], [0, 100]], "in print too"
    middles = [[bar.get_center()[0] for bar in bars] for bars in axes.containers]
    assert middles == [pytest.approx([-0.21, 0.79, 1.79]), pytest.approx([0.21, 1.21])]


def test_the_thin_end_of_the_tail_shares_the_last_bar() -> None:
    events = [0] * 900 + [1] * 70 + [3] * 25 + [6] * 5
    figure = forgetting_figure(samples("clean", events, [50] * 1000), "title")
    (bars,) = figure.plotly["data"]
    assert bars["x"] == [0, 1, 2, 3]
    assert bars["y"] == pytest.approx([90, 7, 0, 3])
    assert bars["name"].startswith("clean (1,000): 0.17 events each")
    assert figure.plotly["layout"]["xaxis"]["ticktext"] == ["0", "1", "2", "3+"]
    assert figure.table["events"].max() == 6, "the numbers are all there"


def test_a_kind_that_is_forgotten_more_often_keeps_its_bars() -> None:
    frame = pd.concat([samples("clean", [0] * 999 + [4], [9] * 1000), samples("poisoned", [4, 5], [9] * 2)])
    layout = forgetting_figure(frame, "title").plotly["layout"]
    assert layout["xaxis"]["ticktext"][-1] == "5"


def test_what_was_not_watched_says_how_to() -> None:
    figure = forgetting_figure(pd.DataFrame({"index": []}), "title")
    assert figure.table["note"].tolist() == [UNWATCHED]
