import io
import json

import numpy as np
import plotly.io
import pytest
import torch
from PIL import Image

from backdoor_pipeline.analysis.confusion import confusion

TITLE = "BadNets on three classes"


def labels(*values):
    return torch.tensor(values, dtype=torch.int64)


def printed(figure):
    return np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def figure():
    return confusion(labels(0, 0, 0, 0, 1), labels(0, 0, 0, 1, 0), ["cat", "dog", "owl"], TITLE)


def test_the_table_counts_the_pairs_that_occur(figure):
    assert figure.table.to_dict("records") == [
        {"true": "cat", "predicted": "cat", "images": 3, "share": 0.75},
        {"true": "cat", "predicted": "dog", "images": 1, "share": 0.25},
        {"true": "dog", "predicted": "cat", "images": 1, "share": 1.0},
    ]


def test_rows_of_the_browser_matrix_are_percent_and_a_class_without_images_is_empty(figure):
    heatmap = plotly.io.from_json(json.dumps(figure.plotly, allow_nan=False)).data[0]
    assert [list(row) for row in heatmap.z] == [[75, 25, 0], [100, 0, 0], [None, None, None]]


def test_the_printed_matrix_has_true_classes_as_rows(figure):
    axes = figure.drawn.canvas.axes[0]
    shares = axes.images[0].get_array()
    assert shares[:2].tolist() == [[75, 25, 0], [100, 0, 0]]
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "75", (1, 0): "25", (0, 1): "100"}, "(column, row)"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_classes_of_one_name_stay_apart():
    figure = confusion(labels(0, 1), labels(1, 1), ["crane", "crane"], TITLE)
    assert figure.table["true"].tolist() == ["crane (0)", "crane (1)"]
    assert figure.plotly["data"][0]["x"] == ["crane (0)", "crane (1)"]


@pytest.mark.parametrize(("classes", "width"), [(2, 700), (10, 700), (20, 1400), (43, 1400), (200, 1400)])
def test_every_size_prints_unclipped(classes, width):
    true = torch.arange(classes)
    page = printed(confusion(true, true, [f"class number {i} of many more" for i in true], TITLE))
    assert page.shape[1] == width
    border = [page[:4].ravel(), page[-4:].ravel(), page[:, 0].ravel(), page[:, -1].ravel()]
    assert (np.concatenate(border) == 255).all()


@pytest.mark.parametrize(("classes", "numbers"), [(20, True), (21, False)])
def test_numbers_are_written_while_there_is_room(classes, numbers):
    true = torch.arange(classes)
    page = printed(confusion(true, true, [str(i) for i in true], TITLE))
    full = (page == [8, 48, 107]).all(axis=2)  # the darkest blue: 100 %
    rows, columns = np.nonzero(full[:, :1200])  # without the color bar
    top = page[rows.min() : rows.min() + 45, columns.min() : columns.min() + 45]  # inside the first cell
    assert (top > 200).all(axis=2).any() == numbers


def test_a_backdoor_is_a_dark_column():
    true = torch.arange(4).repeat(5)
    page = printed(confusion(true, torch.full_like(true, 2), list("abcd"), TITLE))
    rows, columns = np.nonzero((page == [8, 48, 107]).all(axis=2)[:, :560])
    cell = (rows.max() - rows.min()) / 4
    assert columns.max() - columns.min() == pytest.approx(cell, abs=2)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 true labels but 1"):
        confusion(labels(0, 1), labels(0), ["cat", "dog"], TITLE)


def test_the_matrices_of_one_experiment_align():
    """Whatever the lengths of their titles, and the cells that are filled."""
    true = torch.arange(10).repeat(4)
    wrong = torch.where(torch.arange(40) < 9, 3, true)
    places = []
    for what, predicted in (("Before defense", true), ("After ft", wrong)):
        page = printed(
            confusion(true, predicted, [str(i) for i in range(10)], f"{what}: digits, a net, 10.0%")
        )
        rows, columns = np.nonzero((page == [8, 48, 107]).all(axis=2)[:, :600])
        places.append((*page.shape, rows.max(), columns.max(), page.shape[0] - rows.max()))
    assert places[0] == places[1]
