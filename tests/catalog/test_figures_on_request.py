"""A figure that nobody asks for is not missing; nothing is computed for it, and nothing written."""

from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pandas as pd
import pytest
from helpers.figures import picture
from helpers.parameters import change
from helpers.pipelines import shown
from kedro.io import DatasetError
from PIL import Image

from backdoor_pipeline.analysis.figure import NOT_DRAWN, Figure
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.catalog import FigureDataset
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.records import parameters
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import OF_TEXTS, FigureName
from backdoor_pipeline.pipelines.analyze.pipeline import FIGURES, on_request

DRAWN = Figure("a title", picture(), {"data": [], "layout": {}}, pd.DataFrame({"x": [1]}))


def figure(folder: Path, *asked: str) -> FigureDataset:
    """UMAP's, in an experiment that asks for these."""
    return FigureDataset(filepath=str(folder / "umap"), asked=asked)


def test_what_is_not_asked_for_is_not_missing_and_leaves_nothing(tmp_path) -> None:
    unasked = figure(tmp_path, "tsne")
    assert unasked.exists()
    unasked.save(NOT_DRAWN)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(
        DatasetError, match=r"the figure 'umap' was not drawn: ask for it in analysis\.figures"
    ):
        unasked.load()


def test_what_is_asked_for_is_drawn_and_stays(tmp_path) -> None:
    asked = figure(tmp_path, "tsne", "umap")
    assert not asked.exists()
    asked.save(DRAWN)
    assert asked.exists()
    assert figure(tmp_path, "tsne").load() == tmp_path / "umap.png"


def test_further_formats_bear_seals_of_their_own(tmp_path) -> None:
    figure(tmp_path, "umap").save(DRAWN)
    more = FigureDataset(filepath=str(tmp_path / "umap"), asked=["umap"], formats=["pdf", "svg"])
    assert not more.exists(), "asked for later, it is drawn"
    more.save(DRAWN)
    assert more.exists()
    assert {file.suffix for file in more.files} == {".csv", ".png", ".json", ".pdf", ".svg"}
    ElementTree.parse(tmp_path / "umap.svg")
    assert b"%PDF" in (tmp_path / "umap.pdf").read_bytes()
    assert figure(tmp_path, "umap").exists(), "fewer are no damage"
    (tmp_path / "umap.pdf").write_bytes(b"%PDF")
    assert not more.exists()


def test_pictures_do_without_titles(tmp_path) -> None:
    sizes = []
    for titles in (True, False):
        dataset = FigureDataset(filepath=str(tmp_path / "umap"), titles=titles)
        dataset.save(DRAWN)
        sizes.append(Image.open(dataset.load()).height)
    assert sizes[1] < sizes[0]


def test_nothing_is_computed_for_what_is_not_asked_for() -> None:
    node = on_request("umap", lambda *_: pytest.fail("computed"))
    assert node("clean", shown({}, figures=("tsne",))) is NOT_DRAWN
    assert on_request("umap", lambda *_: DRAWN)("clean", shown({}, figures=("umap",))) is DRAWN


def test_every_figure_has_a_name_that_may_be_asked_for(params) -> None:
    assert set(FIGURES) == set(get_args(FigureName))
    assert set(FIGURES) - set(resolve(params).analyzing.figures) == {"umap", *OF_TEXTS}
    assert set(FIGURES) - set(params["analysis"]["figures"]) == {"umap"}


def test_a_model_that_nothing_defended_has_no_confusion_after_a_defense(params) -> None:
    defended, undefended = (resolve({**params, "defense": name}).analyzing.figures for name in ("ft", "none"))
    assert set(defended) - set(undefended) == {"confusion_after"}
    assert {"umap", "confusion_before"} == set(
        resolve(
            change(params, defense="none", analysis__figures=["umap", "confusion_before", "confusion_after"])
        ).analyzing.figures
    )


def test_which_figures_are_drawn_changes_no_name_and_no_result(params) -> None:
    other = resolve(change(params, analysis__figures=["umap"], analysis__formats=["pdf"]))
    usual = resolve(params)
    assert artifact_names(usual) == artifact_names(other)
    assert parameters(usual) == parameters(other)


def test_an_unknown_one_is_told_with_those_that_exist(params) -> None:
    with pytest.raises(UserError, match=r"analysis\.figures\.0 is 'umapp', which .*'tsne', 'umap',"):
        resolve(change(params, analysis__figures=["umapp"]))
