"""The figures across experiments: what they show, that they fit their page, and when there is nothing."""

import io
import json

import numpy as np
import plotly.io
import pytest
from helpers.results import grid, results, row
from PIL import Image

from backdoor_pipeline.reporting import effect
from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.heat_map import heat_map
from backdoor_pipeline.reporting.overview import overview
from backdoor_pipeline.reporting.ratio import legible, ratio_effect
from backdoor_pipeline.reporting.summary import summarize
from backdoor_pipeline.reporting.variants import with_variants

DRAW = {
    "overview": overview,
    "heat map": heat_map,
    "ratios": ratio_effect,
    "data sets": lambda settings: effect.effect(settings, effect.DATASET),
    "models": lambda settings: effect.effect(settings, effect.MODEL),
}


def settings(frame):
    return summarize(with_variants(to_cells(frame)))


@pytest.fixture(scope="module")
def many():
    return settings(
        results(
            *grid(
                dataset=["digits", "gtsrb"],
                model=["resnet8", "vgg19"],
                attack=["badnets", "blended", "wanet"],
                defense=["ft", "anp", "a_long_name_of_a_defense"],
                poison_ratio=[0.01, 0.1],
                seed=[0, 1],
            ).to_dict("records"),
            row(attack="none"),
            row(attack="none", defense="anp"),
        )
    )


def checked(figure):
    """The figure in plotly, after JSON without NaN; its print must be as wide as a page, its border white."""
    page = np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB")).astype(int)
    assert page.shape[1] in (700, 1400)
    border = [page[:3].ravel(), page[-3:].ravel(), page[:, 0].ravel(), page[:, -1].ravel()]
    assert (np.concatenate(border) == 255).all(), "nothing is cut off"
    return plotly.io.from_json(json.dumps(figure.plotly, allow_nan=False))


@pytest.mark.parametrize("name", DRAW)
def test_every_figure_prints_unclipped_and_has_a_menu_of_slices(name, many) -> None:
    figure = DRAW[name](many)
    web = checked(figure)
    labels = [button.label for button in web.layout.updatemenus[0].buttons]
    assert len(labels) == {"overview": 8, "heat map": 8}.get(name, 4)
    assert labels[0] in figure.title
    for button in web.layout.updatemenus[0].buttons:
        values = button.args[0]
        assert {len(parts) for parts in values.values()} == {len(web.data)}


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("rows", [[row(attack="none")], [row()]], ids=["control", "one experiment"])
def test_little_or_nothing_to_show_is_no_error(name, rows) -> None:
    figure = DRAW[name](settings(results(*rows)))
    web = checked(figure)
    drawn = {"overview", "heat map"} if rows[0]["attack"] != "none" else set()
    assert bool(web.data) == (name in drawn)
    if name not in drawn:
        assert web.layout.annotations[0].text.startswith(("No attack", "There is no attack"))


def test_a_point_of_the_overview(many) -> None:
    made = settings(results(row(asr_after=0.25, clean_accuracy_after=0.5, robust_accuracy_after=0.625)))
    web = checked(overview(made))
    traces = {(trace.name, trace.xaxis): trace for trace in web.data}
    clean, robust = traces["ft", "x"], traces["ft", "x2"]
    assert (clean.x, clean.y, clean.text) == ((25,), (50,), ("badnets",))
    assert (robust.x, robust.y) == ((25,), (62.5,))
    assert (traces["no defense", "x"].x, traces["no defense", "x"].y) == ((100,), (95,))
    diagonal = web.layout.shapes[0]
    assert (diagonal.x0, diagonal.y0, diagonal.x1, diagonal.y1) == (0, 100, 100, 0)
    assert "none" not in set(overview(many).table["attack"])


def test_the_heat_map_has_gaps_and_the_control() -> None:
    made = settings(
        results(row(asr_after=0.25), row(attack="blended", defense="anp"), row(attack="none", defense="anp"))
    )
    asr, c_acc, _, der = checked(heat_map(made)).data
    assert asr.x == ("no defense", "anp", "ft")
    assert asr.y == ("badnets", "blended", "no attack")
    assert [list(line) for line in asr.z] == [[100, None, 25], [100, 20, None], [None, None, None]]
    assert [list(line) for line in c_acc.z] == [[95, None, 90], [95, 90, None], [95, 90, None]]
    assert list(der.z[0]) == [50, None, 87.5]


def test_bars_have_deviations_and_a_data_set_without_a_result_has_none() -> None:
    made = settings(
        results(
            *grid(dataset=["digits", "gtsrb"]).to_dict("records"),
            row(seed=1, asr_after=0.4),
            *grid(dataset=["digits", "gtsrb"], attack=["wanet"]).to_dict("records")[:1],
            row(dataset="gtsrb", attack="wanet", defense="anp"),
        )
    )
    figure = effect.effect(made, effect.DATASET)
    bars = {(bar.name, bar.xaxis): bar for bar in checked(figure).data}
    digits = bars["digits", "x2"]
    assert (digits.x, digits.y) == (("badnets",), (30,))
    assert digits.error_y.array == (14.1421,)
    assert bars["gtsrb", "x2"].error_y.array == (None,)
    assert "anp" not in set(figure.table["defender"]), "it was run on one data set only"


def test_curves_are_over_the_ratio_and_only_of_what_has_two() -> None:
    made = settings(
        results(
            *grid(poison_ratio=[0.01, 0.1], seed=[0, 1]).to_dict("records"),
            row(attack="wanet"),
            row(poison_ratio=0.01, seed=2, asr_after=0.5),
        )
    )
    figure = ratio_effect(made)
    (curve,) = [line for line in checked(figure).data if line.xaxis == "x2"]
    assert (curve.name, curve.x, curve.y) == ("badnets", (1, 10), (30, 20))
    assert curve.error_y.array == (17.3205, 0)
    assert set(figure.table["attacker"]) == {"badnets"}


@pytest.mark.parametrize(
    ("ratios", "ticks"),
    [
        ([0.01, 0.0987, 0.1], [0.01, 0.1]),
        ([0.1, 0.001, 0.05, 0.005, 0.01], [0.001, 0.005, 0.01, 0.05, 0.1]),
        ([0.08, 0.1, 0.09, 0.07], [0.07, 0.1]),
        ([], []),
    ],
)
def test_ticks_do_not_overlap(ratios, ticks) -> None:
    assert legible(ratios) == ticks


def test_of_many_architectures_no_two_bars_look_alike() -> None:
    names = [f"net{number}" for number in range(16)]
    figure = effect.effect(settings(grid(model=names)), effect.MODEL)
    (legend,) = figure.drawn.canvas.legends
    looks = {(patch.get_facecolor(), patch.get_hatch()) for patch in legend.get_patches()}
    assert len(looks) == 16
    traces = [trace["marker"] for trace in checked(figure).to_dict()["data"] if trace["showlegend"]]
    assert len({(marker["color"], marker["pattern"]["shape"]) for marker in traces}) == 16


def test_of_many_defenses_no_two_points_look_alike() -> None:
    figure = overview(settings(grid(defense=["none", *(f"defense{number}" for number in range(24))])))
    lines = figure.drawn.canvas.axes[0].lines
    looks = {(line.get_markeredgecolor(), line.get_fillstyle()) for line in lines}
    assert len(lines) == len(looks) == 25
    traces = [trace["marker"] for trace in checked(figure).to_dict()["data"] if trace["showlegend"]]
    assert len({(marker["color"], *marker["symbol"]) for marker in traces}) == 25


def test_attacks_of_other_slices_take_no_marker_from_those_shown() -> None:
    shown = grid(attack=["attack00", "zoo"], defense=["ft", "anp"]).to_dict("records")
    others = [row(attack=f"attack{number:02}", dataset=f"set{number}") for number in range(1, 12)]
    figure = overview(settings(results(*shown, *others)))
    assert "digits" in figure.title
    assert len({line.get_marker() for line in figure.drawn.canvas.axes[0].lines}) == 2
