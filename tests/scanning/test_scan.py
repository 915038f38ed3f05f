"""Detectors on data in which it is known who is right."""

import base64
import html
import io
import re

import numpy as np
import pytest
import torch
from helpers.tiny_backdoor import classifier
from helpers.trigger_search import SEARCH, TARGET, stripes, trained
from PIL import Image
from torch import nn

from backdoor_pipeline import api
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses import Finding
from backdoor_pipeline.defenses.base import Suspicion
from backdoor_pipeline.defenses.methods import ac
from backdoor_pipeline.defenses.parts.clustering import Split
from backdoor_pipeline.defenses.parts.exceedance import beyond
from backdoor_pipeline.models import Classifier
from backdoor_pipeline.scanning import Scan, Verdict, detectors
from backdoor_pipeline.scanning.page import page

CLASSES = ("ant", "bee", "<cat>", "dog")
ENGINE = api.engine(device="cpu", precision="fp32")
POISONED = 40  # rows of class 2, of 100 clean ones


def pixels() -> Classifier:
    """What it sees of an image are the pixels."""
    return classifier(nn.Sequential(nn.Flatten(), nn.Linear(48, len(CLASSES))), classes=len(CLASSES))


def noise(rows: int, seed: int) -> ImageSet:
    """Gray noise around another shade for each class."""
    draws, labels = torch.Generator().manual_seed(seed), torch.arange(rows) % len(CLASSES)
    shades = 60 + 30 * labels.view(-1, 1, 1, 1) + 12 * torch.randn(rows, 3, 4, 4, generator=draws)
    return ImageSet(shades.clamp(0, 255).byte(), labels, CLASSES)


def poisoned(seed: int = 0) -> ImageSet:
    """Rows of class 2 with a bright corner at the end."""
    clean = noise(400 + 4 * POISONED, seed)
    stamped = clean.images[400::4].clone()
    stamped[..., -2:, -2:] = 250
    images = torch.cat([clean.images[:400], stamped])
    return ImageSet(images, torch.cat([clean.labels[:400], torch.full((POISONED,), 2)]), CLASSES)


def of_rows(train: ImageSet, seed: int = 1) -> Scan:
    params = {"ac": {"starts": 5}}
    return api.scan(
        pixels(), noise(160, seed), train, detectors=["ac", "spectral"], params=params, engine=ENGINE
    )


@pytest.fixture(scope="module")
def found() -> Scan:
    return of_rows(poisoned())


def test_planted_rows_are_found(found) -> None:
    assert found.suspicious
    for verdict in found.verdicts:
        assert verdict.word == "suspicious", verdict
        assert "class 2 (<cat>)" in verdict.finding.says
        flagged = verdict.finding.suspicion.flagged
        assert flagged[400:].float().mean() > 0.9
        assert flagged[:400].float().mean() < 0.05


@pytest.mark.parametrize(
    ("known", "there", "avoidance", "chance", "suspicious"),
    [
        (200, 25, 0.1, "1", False),  # an eighth of their half: not avoided by a tenth
        (200, 9, 0.1, "1.5e-45", True),  # 2 P(X <= 9), X binomial of 200 and 1/2
        (20, 3, 0.5, "0.0026", False),  # 2 P(X <= 3): above the level, half of it below
    ],
)
def test_what_is_told_of_chance_is_what_decides(
    monkeypatch, known: int, there: int, avoidance: float, chance: str, suspicious: bool
) -> None:
    """Every class is in two even clusters, and so many of its trusted images lie in one of them."""
    split = Split(np.arange(100) < 50, np.arange(known) < there, np.zeros(100))
    monkeypatch.setattr(
        ac, "split_in_two", lambda features, *_, **__: split if len(features) == 100 else None
    )
    asked = {"detectors": ["ac"], "params": {"ac": {"avoidance": avoidance}}, "engine": ENGINE}
    (verdict,) = api.scan(pixels(), noise(4 * known, 1), noise(400, 2), **asked).verdicts
    assert verdict.word == ("suspicious" if suspicious else "clean")
    assert verdict.finding.sure == f"by chance {chance}, alarm below 0.0025"
    assert suspicious or verdict.finding.says == "there is no cluster that clean images avoid"


def test_clean_rows_raise_hardly_any_alarm() -> None:
    alarms = [of_rows(noise(400, seed), seed + 100).suspicious for seed in range(10, 40)]
    assert sum(alarms) <= 1, "each of two detectors may err once in a hundred"


def test_a_backdoored_model_is_found_and_a_clean_one_is_not() -> None:
    clean = stripes(60, seed=1)
    asked = {"detectors": ["nc"], "params": {"nc": {"search": SEARCH}}, "engine": ENGINE}
    words = [api.scan(trained(backdoored=bad), clean, **asked).verdicts[0] for bad in (True, False)]
    assert [one.word for one in words] == ["suspicious", "clean"]
    assert f"class {TARGET}" in words[0].finding.says
    assert all(
        re.fullmatch(r"log index [\d.]+, alarm above 5; the paper's [\d.]+, above 2", one.finding.sure)
        for one in words
    )
    assert len(words[0].finding.pictures) == len(clean.classes)


def test_what_does_not_apply_says_why() -> None:
    assert detectors() == ["ac", "nc", "spectral"]
    two = classifier(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)))
    clean = ImageSet(noise(8, 0).images, noise(8, 0).labels % 2, ("no", "yes"))
    told = {one.detector: one.why_not for one in api.scan(two, clean, engine=ENGINE).verdicts}
    assert "training set" in told["ac"]
    assert "training set" in told["spectral"]
    assert "3" in told["nc"]


def test_the_page_shows_table_and_rows(found) -> None:
    text = page(found, "theirs & mine", rows=5)
    assert "<title>suspicious: theirs &amp; mine</title>" in text
    assert "<cat>" not in text, "names are of others"
    assert text.count('<figure class="suspicious">') == 2 * 5
    rows = [int(row) for row in re.findall(r"<figcaption>row (\d+): given &lt;cat&gt;", text)]
    assert len(rows) == 10
    assert min(rows) >= 400
    for verdict in found.verdicts:
        assert html.escape(verdict.finding.sure) in text


def test_one_alarm_is_enough() -> None:
    alarm, quiet = (Verdict("ac", Finding(suspicious, "", "")) for suspicious in (True, False))
    unfit = Verdict("nc", None, "it needs three classes")
    assert Scan([quiet, alarm, unfit], None).suspicious
    assert not Scan([quiet, unfit], None).suspicious
    assert [one.word for one in (alarm, quiet, unfit)] == ["suspicious", "clean", "-"]


def shown_pixels(source: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def test_rows_are_shown_with_their_own_pictures_those_that_are_flagged_first() -> None:
    """Though others have higher scores; and by their scores within both."""
    colors = torch.tensor([[10, 20, 30], [40, 50, 60], [70, 80, 90], [100, 110, 120]], dtype=torch.uint8)
    train = ImageSet(colors.view(4, 3, 1, 1).expand(4, 3, 4, 4), torch.tensor([3, 2, 1, 0]), CLASSES)
    blamed = Suspicion(torch.tensor([-5.0, 9.0, -7.0, 1.0]), torch.tensor([True, False, True, False]))
    verdict = Verdict("ac", Finding(True, "says", "sure", blamed))
    text = page(Scan([verdict], train), "mine", rows=3)
    figures = re.findall(r'<figure( class="suspicious")?><img src="([^"]+)" alt="([^"]+)"', text)
    assert [title for _, _, title in figures] == [
        "row 0: given dog", "row 2: given bee", "row 1: given &lt;cat&gt;",
    ]  # fmt: skip
    assert [bool(mark) for mark, _, _ in figures] == [True, True, False]
    for (_, source, _), row in zip(figures, (0, 2, 1), strict=True):
        pixels = shown_pixels(source)
        assert pixels.shape == (96, 96, 3), "each pixel 24 times"
        assert (pixels == colors[row].numpy()).all()


def test_reversed_triggers_are_enlarged_and_not_blurred() -> None:
    trigger = torch.zeros(1, 4, 4)
    trigger[0, 1, 2] = 0.5
    finding = Finding(False, "says", "sure", pictures={"0 (1.2)": trigger})
    text = page(Scan([Verdict("nc", finding, seconds=3.21)], None), "mine", rows=3)
    assert "<td>3.2 s</td>" in text
    (source,) = re.findall(r'<img src="([^"]+)" alt="0 \(1.2\)"', text)
    expected = np.zeros((96, 96, 3), np.uint8)
    expected[24:48, 48:72] = 128
    np.testing.assert_array_equal(shown_pixels(source), expected)


def test_chances_by_hand() -> None:
    assert beyond(torch.tensor([1.0, 5, 6]), torch.tensor([4.0])) == (2, pytest.approx(3 / 4 * 2 / 3))
    assert beyond(torch.tensor([1.0, 2]), torch.tensor([3.0])) == (0, 1)
    assert beyond(torch.tensor([1.0, 2]), torch.tensor([])) == (0, 1)


def test_false_alarms_are_as_rare_as_asked_for() -> None:
    draws = torch.Generator().manual_seed(0)
    chances = [
        beyond(torch.randn(60, generator=draws), torch.randn(15, generator=draws))[1] for _ in range(3000)
    ]
    assert (torch.tensor(chances) < 0.05).float().mean() < 0.06
