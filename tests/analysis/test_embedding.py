import json
from functools import partial

import numpy as np
import pytest
import torch

from backdoor_pipeline.analysis.embedding import Embedded, embedding_figure, tsne, umap


def clouds(rows=60):
    """Two clouds far apart in ten dimensions."""
    draws = torch.Generator().manual_seed(0)
    return torch.randn(rows, 10, generator=draws) + 20 * (torch.arange(rows) % 2)[:, None]


def images(classes=2, rows=60, triggered=10):
    labels = torch.arange(rows) % classes
    targets = torch.full((rows,), -1)
    targets[rows - triggered :] = 0
    return Embedded(torch.arange(rows), labels, targets, [f"class {label}" for label in range(classes)])


def apart(points):
    """Whether no point of one cloud is nearer to the other's middle than to its own."""
    middles = [points[half::2].mean(axis=0) for half in (0, 1)]
    distances = np.stack([np.linalg.norm(points - middle, axis=1) for middle in middles])
    return (distances.argmin(axis=0) == np.arange(len(points)) % 2).all()


@pytest.mark.parametrize("embed", [partial(tsne, perplexity=15), partial(umap, neighbors=10)])
def test_clouds_stay_apart_and_the_same_seed_gives_the_same(embed) -> None:
    features = clouds().numpy()
    first = embed(features, seed=0)
    assert first.shape == (60, 2)
    assert apart(first)
    np.random.seed(5)  # other draws have no say
    np.testing.assert_array_equal(embed(features, seed=0), first)


def test_umap_draws_from_the_seed() -> None:  # of t-SNE, only the components of large sets are drawn
    features = clouds().numpy()
    first, other = (umap(features, neighbors=10, seed=seed) for seed in (0, 1))
    assert not np.array_equal(first, other)


def test_t_sne_starts_from_principal_components() -> None:
    features = clouds(24).numpy()
    first, other = (tsne(features, perplexity=5, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(first, other)


def test_neighborhoods_are_as_large_as_asked() -> None:
    features = clouds(24).numpy()
    assert not np.array_equal(*(tsne(features, perplexity=few, seed=0) for few in (3, 7)))
    assert not np.array_equal(*(umap(features, neighbors=few, seed=0) for few in (5, 10)))


def test_settings_larger_than_the_data_still_work() -> None:
    few = clouds(12).numpy()
    assert np.isfinite(tsne(few, perplexity=500, seed=0)).all()
    assert np.isfinite(umap(few, neighbors=200, seed=0)).all()


def test_points_are_grouped_by_class_and_poison() -> None:
    figure = embedding_figure(
        {"before": clouds(), "after": clouds() + 1}, images(), lambda points: points[:, :2], "t-SNE", "title"
    )
    traces = {(trace["name"], trace["xaxis"]): trace for trace in figure.plotly["data"]}
    assert {name for name, _ in traces} == {"class 0 (target)", "class 1", "triggered"}
    assert [len(traces[name, "x"]["x"]) for name in ("class 0 (target)", "class 1", "triggered")] == [
        25,
        25,
        10,
    ]
    assert traces["triggered", "x2"]["text"] == ["class 0", "class 1"] * 5, "the true class"
    assert set(traces["class 0 (target)", "x"]["text"]) == {"class 0"}
    json.dumps(figure.plotly, allow_nan=False)
    table = figure.table
    assert len(table) == 120
    assert (table["shown"] == "triggered").sum() == 20
    row = table.query("model == 'after' and image == 3")
    assert (row["x"].item(), row["y"].item()) == pytest.approx((clouds()[3, :2] + 1).tolist())


def test_only_a_single_target_is_marked() -> None:
    shown = images()
    shown.targets[-5:] = 1
    figure = embedding_figure({"before": clouds()}, shown, lambda points: points[:, :2], "t-SNE", "title")
    assert {trace["name"] for trace in figure.plotly["data"]} == {"class 0", "class 1", "triggered"}


def test_names_stand_above_their_points() -> None:
    figure = embedding_figure({"before": clouds()}, images(), lambda points: points[:, :2], "t-SNE", "title")
    names = {one.get_text(): one for one in figure.drawn.canvas.axes[0].texts}
    assert set(names) == {"class 0 (target)", "class 1"}
    assert names["class 0 (target)"].get_fontweight() == "bold"
    cloud = clouds()[1::2, 1]
    assert names["class 1"].xy[1] > cloud.median() + cloud.std() / 2
    assert names["class 1"].xy[0] == pytest.approx(np.median(clouds()[1:50:2, 0])), "of those not triggered"


def test_the_print_has_the_points_of_the_browser() -> None:
    figure = embedding_figure({"before": clouds()}, images(), lambda points: points[:, :2], "t-SNE", "title")
    printed = figure.drawn.canvas.axes[0].collections
    for group, trace in zip(printed, figure.plotly["data"], strict=True):
        points = np.column_stack([trace["x"], trace["y"]])
        np.testing.assert_allclose(group.get_offsets(), points, atol=1e-3)


def test_of_many_classes_only_the_target_is_told_apart() -> None:
    figure = embedding_figure(
        {"no defense": clouds()}, images(20), lambda points: points[:, :2], "UMAP", "a title"
    )
    sizes = {trace["name"]: len(trace["x"]) for trace in figure.plotly["data"]}
    assert sizes == {"clean": 47, "clean, of the target class": 3, "triggered": 10}


def test_a_control_has_no_triggered_points() -> None:
    for classes, expected in ((2, {"class 0", "class 1"}), (20, {"clean"})):
        figure = embedding_figure(
            {"no defense": clouds()}, images(classes, triggered=0), lambda points: points[:, :2], "x", "title"
        )
        assert {trace["name"] for trace in figure.plotly["data"]} == expected


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_model_that_sees_nothing_is_said_to(value) -> None:
    same = torch.full((60, 10), value)
    figure = embedding_figure(
        {"before": clouds(), "after": same}, images(), partial(tsne, perplexity=5, seed=0), "t-SNE", "a title"
    )
    assert set(figure.table["model"]) == {"before"}
    assert {trace["xaxis"] for trace in figure.plotly["data"]} == {"x"}
