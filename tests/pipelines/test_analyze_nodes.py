import io

import pandas as pd
import torch
from helpers.made_models import linear_on_pixels
from helpers.pipelines import choices, poisoned, shown, splits
from PIL import Image

from backdoor_pipeline.attacks.poisoning import Poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.pipelines.analyze.nodes import draw_confusion_after, draw_samples
from backdoor_pipeline.pipelines.analyze.shown import title

MODEL = linear_on_pixels(torch.ones(2, 64))  # no purifier: images are not read through one


def width(png: bytes) -> int:
    return Image.open(io.BytesIO(png)).width


def test_the_sheet_has_as_many_columns_as_asked(make_set, make_env) -> None:
    _, test, made = poisoned(make_set, make_env)
    narrow = draw_samples(splits(None, test), made, MODEL, shown(sample_images=2))
    wide = draw_samples(splits(None, test), made, MODEL, shown(sample_images=8))
    assert len(narrow.table) == 2
    assert len(wide.table) == 8
    assert width(narrow.png) < width(wide.png)
    assert "badnets 25%" in wide.title


def test_small_ratios_are_told_as_they_are() -> None:
    told = {ratio: title("Samples", choices(poison_ratio=ratio)) for ratio in (0.0005, 0.0025, 0.1)}
    assert [one.split(", ")[2] for one in told.values()] == ["badnets 0.05%", "badnets 0.25%", "badnets 10%"]


def test_the_control_shows_untouched_images(make_set) -> None:
    nothing = PoisonedRows.empty((3, 32, 32))
    made = Poison(nothing, nothing, NoTrigger())
    sheet = draw_samples(
        splits(None, make_set(rows=16)), made, MODEL, shown({"attack": "none"}, sample_images=3)
    )
    assert "no attack" in sheet.title
    assert len(sheet.table) == 3
    assert sheet.title.startswith("Test images: ")
    assert sheet.plotly["layout"]["yaxis"]["ticktext"] == ["clean"]
    assert list(sheet.table) == ["true_label"]


def test_confusion_counts_the_clean_test_set_only(make_set) -> None:
    predictions = pd.DataFrame(
        {
            "set": ["clean"] * 3 + ["triggered"],
            "true_label": [0, 1, 1, 2],
            "before": [0, 1, 1, 0],
            "after": [0, 1, 2, 0],
        }
    )
    figure = draw_confusion_after(predictions, splits(None, make_set(rows=4)), shown())
    assert figure.table["images"].sum() == 3
