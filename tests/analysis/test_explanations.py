import io
import json
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
import torch
from helpers.made_models import linear_on_pixels
from PIL import Image

from backdoor_pipeline.analysis.explanations import HEAT, SIGNED, SPECTRUM, Explained, explanation_figure


def explained(side=8, channels=1, versions=("clean", "triggered"), count=2):
    draws = torch.Generator().manual_seed(0)
    shown = {
        version: torch.randint(0, 256, (count, channels, side, side), dtype=torch.uint8, generator=draws)
        for version in versions
    }
    classes = ["cat", "a class whose name is far too long"]
    return Explained(torch.tensor([7, 3])[:count], torch.tensor([0, 1])[:count], shown, classes)


def corner(_, images, classes):
    """The top left pixel, by as much as the class's number and one."""
    maps = torch.zeros(len(images), 4, 4)
    maps[:, 0, 0] = classes + 1.0
    return maps


def draw(images=None, method=corner, look=SPECTRUM, models=("before", "after ft"), trainer=None):
    images = images or explained()
    channels, side = next(iter(images.versions.values())).shape[1:3]
    model = linear_on_pixels(torch.ones(channels, side, side))
    return explanation_figure(images, dict.fromkeys(models, model), method, look, trainer, "a title")


def sheet(figure):
    source = figure.plotly["data"][0]["source"]
    import base64

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB"))


def test_a_row_per_image_a_column_per_version_and_model(trainer) -> None:
    figure = draw(trainer=trainer)
    names = ["clean", "before", "after ft", "triggered", "before", "after ft"]
    assert figure.plotly["layout"]["xaxis"]["ticktext"] == names
    assert figure.plotly["layout"]["yaxis"]["ticktext"] == ["cat", "a class whose…"]
    captions = [one["text"] for one in figure.plotly["layout"]["annotations"]]
    assert len(captions) == 12
    assert captions[0] == "", "of the image itself"
    assert captions[1].endswith(" 100%"), "the model is sure of the sum of its pixels"
    json.dumps(figure.plotly, allow_nan=False)


def test_the_class_is_the_one_that_the_model_predicts(trainer) -> None:
    seen = []

    def spy(model, images, classes):
        assert not model.training
        assert torch.equal(model(images).argmax(1), classes)
        seen.append(len(images))
        return corner(model, images, classes)

    figure = draw(method=spy, trainer=trainer)
    assert seen == [2] * 4
    assert set(figure.table["predicted"]) == {"a class whose name is far too long"}


def test_methods_are_given_pixels_from_0_to_1_and_every_row_tells_its_own_image(trainer) -> None:
    images = explained(versions=("clean",))
    images.versions["clean"][0] = 0  # of which the model cannot tell the class, and takes the first
    images.versions["clean"][1] = 51

    def spot(_, floats, classes):
        assert floats.amax((1, 2, 3)).tolist() == pytest.approx([0, 0.2])
        maps = torch.zeros(2, 3, 4)
        maps[0, 0, 2], maps[1, 2, 1] = 1, 2
        return maps

    figure = draw(images, spot, models=("no defense",), trainer=trainer)
    captions = [one["text"] for one in figure.plotly["layout"]["annotations"]]
    assert captions[1::2] == ["→ cat 50%", "→ a class w… 100%"]
    hot = figure.table[figure.table["value"] > 0]
    assert hot[["image", "row", "column", "value", "predicted", "probability"]].values.tolist() == [
        [7, 0, 2, 1.0, "cat", 0.5],
        [3, 2, 1, 2.0, "a class whose name is far too long", 1.0],
    ]


def test_every_column_shows_the_map_of_its_version_and_model(trainer) -> None:
    images = explained(versions=("dark", "light"), count=1)
    images.versions["dark"].fill_(0)
    images.versions["light"].fill_(255)
    model = linear_on_pixels(torch.ones(1, 8, 8))
    other = linear_on_pixels(-torch.ones(1, 8, 8))

    def halves(of, floats, _):
        """The upper half is of the image, the left one of the model."""
        maps = torch.zeros(1, 4, 4)
        maps[:, :2, :2] = floats.mean()
        maps[:, 2:, :2] = float(of is other)
        return maps

    page = sheet(explanation_figure(images, {"a": model, "b": other}, halves, SPECTRUM, trainer, "a title"))
    hot = page[:, :, 0] > 200  # the last of inferno is pale yellow, its first black
    corners = [[bool(hot[3 + y, 102 * column + 3 + 10]) for y in (10, 80)] for column in (1, 2, 4, 5)]
    assert corners == [[False, False], [False, True], [True, False], [True, True]]


def test_the_table_holds_every_point(trainer) -> None:
    table = draw(trainer=trainer).table
    assert len(table) == 2 * 2 * 2 * 16
    hot = table[table["value"] > 0]
    assert (hot[["row", "column"]] == 0).all(axis=None)
    assert hot["value"].tolist() == [2.0] * 8
    assert set(table["image"]) == {7, 3}
    assert table.query("image == 3")["true_label"].unique() == "a class whose name is far too long"


def test_large_maps_are_averaged_in_the_table(trainer) -> None:
    def large(_, images, __):
        maps = torch.zeros(len(images), 128, 128)
        maps[:, 0, 0] = 1
        return maps

    table = draw(method=large, models=("no defense",), trainer=trainer).table
    assert len(table) == 2 * 2 * 64 * 64
    assert table["value"].max() == 0.25


def test_colors_are_where_the_map_is_hot(trainer) -> None:
    page = sheet(draw(trainer=trainer))  # six columns of 96 + 2 * 3 pixels
    hottest, coldest = ((np.array(mpl.colormaps["inferno"](end)[:3]) * 255).round() for end in (1.0, 0.0))
    left = 102 + 3  # the second column is a map
    np.testing.assert_allclose(page[3 + 5, left + 5], hottest, atol=1)
    np.testing.assert_allclose(page[3 + 60, left + 60], coldest, atol=1)


def test_each_heat_map_goes_from_its_own_least_to_its_own_greatest_value(trainer) -> None:
    def heat(_, floats, __):
        maps = torch.zeros(2, 2, 2)
        maps[0, 0, 0], maps[1] = 1.0, 7.0
        maps[1, 0, 0] = 9.0
        return maps

    white = explained(versions=("clean",))
    white.versions["clean"].fill_(255)
    page = sheet(draw(white, heat, HEAT, ("no defense",), trainer)).astype(float)
    hottest, coldest = (np.array(mpl.colormaps["inferno"](end)[:3]) * 255 for end in (1.0, 0.0))
    for top in (3, 102 + 19 + 3):
        np.testing.assert_allclose(page[top + 5, 102 + 3 + 5], 0.65 * hottest + 0.35 * 255, atol=2)
        np.testing.assert_allclose(page[top + 90, 102 + 3 + 90], 0.65 * coldest + 0.35 * 255, atol=2)


def test_below_a_map_lies_the_image_in_gray(trainer) -> None:
    colored = explained(channels=3, versions=("clean",), count=1)
    colored.versions["clean"][:] = torch.tensor([30, 60, 120], dtype=torch.uint8).view(3, 1, 1)
    page = sheet(draw(colored, lambda *_: torch.zeros(1, 2, 2), HEAT, ("no defense",), trainer)).astype(float)
    coldest = np.array(mpl.colormaps["inferno"](0.0)[:3]) * 255
    np.testing.assert_allclose(page[50, 50], [30, 60, 120])
    np.testing.assert_allclose(page[50, 150], 0.65 * coldest + 0.35 * 70, atol=1)


def signed_sheet(value, trainer):
    """Of two maps, of which a quarter are 4, a quarter -2 and one is `value`."""

    def signed(_, images, __):
        maps = torch.zeros(len(images), 16, 16)
        maps[:, :8, :8], maps[:, 8:, 8:] = 4.0, -2.0
        maps[0, 15, 0] = value
        return maps

    white = explained(versions=("clean",))
    white.versions["clean"].fill_(255)
    return sheet(draw(white, signed, SIGNED, ("no defense",), trainer)).astype(float)


def test_a_signed_map_has_zero_in_the_middle_and_one_scale(trainer) -> None:
    def tint(value):
        color = np.array(mpl.colormaps["PuOr_r"](value)[:3]) * 255
        return 0.85 * color + 0.15 * 255

    page, left, second = signed_sheet(0.0, trainer), 102 + 3, 102 + 19 + 3
    np.testing.assert_allclose(page[3 + 10, left + 10], tint(1.0), atol=2)
    np.testing.assert_allclose(page[3 + 80, left + 10], tint(0.5), atol=2)
    np.testing.assert_allclose(page[second + 80, left + 80], tint(0.25), atol=2)


def test_an_outlier_does_not_pale_the_rest(trainer) -> None:
    plain, with_outlier = (signed_sheet(value, trainer) for value in (0.0, 100.0))
    changed = np.abs(plain - with_outlier).max(axis=2) > 2
    rows, columns = np.nonzero(changed)
    assert changed.any()
    assert changed.sum() <= 36, "the outlier's own place: 6 x 6 pixels"
    assert rows.min() >= 3 + 90
    assert columns.max() <= 102 + 3 + 6


@pytest.mark.parametrize("look", [HEAT, SPECTRUM, SIGNED])
@pytest.mark.parametrize(
    ("side", "channels", "versions", "models", "count"),
    [
        (28, 1, ("clean",), ("no defense",), 1),
        (32, 3, ("clean", "triggered"), ("no defense",), 2),
        (224, 3, ("clean", "triggered"), ("before", "after ft"), 2),
    ],
)
def test_every_kind_prints_unclipped_also_an_empty_map(
    look, side, channels, versions, models, count, trainer
) -> None:
    def empty(_, images, __):
        return torch.zeros(len(images), 7, 7)

    figure = draw(explained(side, channels, versions, count), empty, look, models, trainer)
    page = np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB"))
    border = [page[:4].ravel(), page[-4:].ravel(), page[:, 0].ravel(), page[:, -1].ravel()]
    assert (np.concatenate(border) == 255).all()
    assert len(json.dumps(figure.plotly, allow_nan=False)) < 320_000


def test_names_above_and_below_a_row_do_not_overlap(trainer) -> None:
    models = ("before defense", "after a_long_name_of_a_defense")
    canvas = draw(models=models, trainer=trainer).drawn.canvas
    canvas.draw_without_rendering()
    (axes, _) = canvas.axes
    rows = [axes.texts[:6], [tick.label2 for tick in axes.xaxis.get_major_ticks()]]
    for names in rows:
        boxes = [one.get_window_extent() for one in names if one.get_text()]
        assert len(boxes) >= 4
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
