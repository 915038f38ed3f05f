import base64
import io
import json
from dataclasses import replace

import numpy as np
import plotly.io
import pytest
import torch
from PIL import Image

from backdoor_pipeline.analysis.samples import amplification, clean_sheet, sample_sheet
from backdoor_pipeline.analysis.sheet import FRAME, Sheet

CLASSES = ["airplane", "automobile", "a class whose name is far too long for one column"]


def noise(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def sheet_of(clean, triggered, given=0):
    true = torch.arange(len(clean)) % 3
    return sample_sheet(clean, triggered, true, torch.full_like(true, given), CLASSES, "BadNets on CIFAR-10")


def printed(figure):
    return np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB"))


def shown_in_browser(figure):
    source = figure.plotly["data"][0]["source"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


@pytest.fixture(scope="module")
def planted():
    """Three images of 32 x 32; the second has a brighter 4 x 4 square at row 8, column 20."""
    clean = torch.full((3, 3, 32, 32), 60, dtype=torch.uint8)
    triggered = clean.clone()
    triggered[1, :, 8:12, 20:24] += 25
    return sheet_of(clean, triggered)


def test_a_planted_difference_is_where_it_was_planted(planted):
    sheet = shown_in_browser(planted)  # one pixel per pixel: cells of 32 with a line of 1 around each
    assert sheet.shape == (3 * 34, 3 * 34, 3)
    expected = np.full((32, 32, 3), 128)
    expected[8:12, 20:24] = 128 + 5 * 25
    np.testing.assert_array_equal(sheet[69:101, 35:67], expected)
    np.testing.assert_array_equal(sheet[35:67, 35:67], np.where(expected == 128, 60, 85))
    np.testing.assert_array_equal(sheet[1:33, 35:67], np.full_like(expected, 60))
    np.testing.assert_array_equal(sheet[69:101, 1:33], np.full_like(expected, 128))
    assert planted.plotly["layout"]["yaxis"]["ticktext"][2] == "difference<br>(×5)"


def test_the_print_shows_the_same(planted):
    page = printed(planted)
    framed = (page == FRAME).all(axis=2)
    rows, columns = (np.flatnonzero(framed.sum(axis=axis) > 400) for axis in (1, 0))  # lines, not letters
    top, left = rows.min(), columns.min()
    unit_y, unit_x = (rows.max() + 1 - top) / 102, (columns.max() + 1 - left) / 102
    assert unit_y == pytest.approx(unit_x, rel=0.02)  # pixels are square

    def at(y, x):
        return page[round(top + (y + 0.5) * unit_y), round(left + (x + 0.5) * unit_x)].tolist()

    assert at(69 + 10, 35 + 22) == [253] * 3
    assert at(69 + 10, 35 + 10) == [128] * 3
    assert at(69 + 10, 1 + 22) == [128] * 3
    assert at(35 + 10, 35 + 22) == [85] * 3
    assert at(1 + 10, 35 + 22) == [60] * 3


def test_the_table_holds_the_change(planted):
    table = planted.table
    assert table["true_label"].tolist() == CLASSES
    assert table["given_label"].tolist() == ["airplane"] * 3
    assert table["changed_pixels"].tolist() == [0, 16 / 1024, 0]
    assert table["mean_change"].tolist() == [0, 25 * 16 / 1024, 0]
    assert table["largest_change"].tolist() == [0, 25, 0]


@pytest.mark.parametrize(("n", "channels", "side"), [(1, 1, 8), (10, 1, 28), (4, 3, 64), (10, 3, 224)])
def test_every_size_prints_unclipped_and_fits_a_browser(n, channels, side):
    clean = noise(n, channels, side, side)
    figure = sheet_of(clean, clean // 2, given=2)
    page = printed(figure)
    assert page.shape[1] == round(200 * min(7, 0.8 + 0.8 * n))
    border = [page[:4].ravel(), page[-4:].ravel(), page[:, 0].ravel(), page[:, -1].ravel()]
    assert (np.concatenate(border) == 255).all()
    text = json.dumps(figure.plotly, allow_nan=False)
    assert len(text) < 300_000
    image = plotly.io.from_json(text).data[0]
    height, width = shown_in_browser(figure).shape[:2]
    framed = side + 2 * max(1, side // 32)
    assert (width * image.dx, height * image.dy) == pytest.approx((n * framed, 3 * framed), rel=0.01)


def test_labels_stand_above_the_columns(planted):
    assert planted.plotly["layout"]["xaxis"]["ticktext"] == [
        "airplane",
        "automobile<br>→ airplane",
        "a class<br>whose name …<br>→ airplane",
    ]


@pytest.mark.parametrize(
    ("change", "factor"), [(255, 1), (64, 1), (63, 2), (25, 5), (-12, 10), (2, 20), (0, 1)]
)
def test_amplification_stays_on_the_scale(change, factor):
    assert amplification(torch.tensor([0, change, change])) == factor


def test_one_value_in_twenty_may_leave_the_scale():
    change = torch.tensor([2] * 90 + [-12] * 8 + [255] * 2)
    assert amplification(change) == 10, "12 times 10 stays within 127"


def test_a_pixel_is_changed_if_any_of_its_channels_is_darker_or_lighter():
    clean = torch.full((1, 3, 4, 4), 60, dtype=torch.uint8)
    triggered = clean.clone()
    triggered[0, 1, 2, 3] = 20
    triggered[0, 2, 2, 3] = 70
    table = sheet_of(clean, triggered).table
    assert table["changed_pixels"].tolist() == [1 / 16]
    assert table["mean_change"].tolist() == [50 / 48]
    assert table["largest_change"].tolist() == [40]


def test_names_and_captions_stand_at_the_middle_of_their_pictures():
    names = ["a", "b"]
    bare = Sheet(torch.zeros(2, 2, 1, 32, 64, dtype=torch.uint8), names, names)
    # a line of one pixel around 32 x 64: pixels 0 to 65 across and 0 to 33 down, then 66 and 34 on
    assert bare.pixels().shape == (68, 132, 3)
    assert bare.middles()[:2] == ([32.5, 98.5], [16.5, 50.5])
    captioned = replace(bare, captions=[names, names])
    assert captioned.pixels().shape == (80, 132, 3), "six white rows below each, 34 to 39"
    assert (captioned.pixels()[34:40] == 255).all()
    assert captioned.middles() == ([32.5, 98.5], [16.5, 56.5], [36.5, 76.5])


def test_too_many_or_unpaired_images_are_refused():
    with pytest.raises(ValueError, match="1 to 10 pairs"):
        sheet_of(noise(11, 1, 8, 8), noise(11, 1, 8, 8))
    with pytest.raises(ValueError, match="1 to 10 pairs"):
        sheet_of(noise(2, 1, 8, 8), noise(3, 1, 8, 8))


def test_images_without_a_trigger_are_one_row():
    images = noise(4, 3, 32, 32)
    figure = clean_sheet(images, torch.tensor([0, 1, 2, 0]), CLASSES, "a title")
    sheet = shown_in_browser(figure)
    assert sheet.shape == (34, 4 * 34, 3)
    np.testing.assert_array_equal(sheet[1:33, 35:67], images[1].permute(1, 2, 0))
    assert figure.plotly["layout"]["yaxis"]["ticktext"] == ["clean"]
    assert figure.table["true_label"].tolist() == [CLASSES[label] for label in (0, 1, 2, 0)]
