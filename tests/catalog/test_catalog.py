"""Files are whole or absent; what is damaged is set aside and counts as missing (P4)."""

import pandas as pd
import pytest
import torch
from kedro.io import DatasetError

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.attacks.methods.badnets import PatchTrigger
from backdoor_pipeline.attacks.networks import NoNetworks
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base.errors import UserError, user_error
from backdoor_pipeline.catalog import (
    DiagnosticsDataset,
    FigureDataset,
    FoldersDataset,
    FrameDataset,
    MetricsDataset,
    ModelDataset,
    NetworksDataset,
    PoisonedRowsDataset,
    TriggerDataset,
)
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.defenses.diagnostics import Candidates, Curve, Diagnostics
from backdoor_pipeline.models import ModelOptions, build_model


def make_model():
    return build_model(
        "resnet8", num_classes=3, channels=1, image_size=28, mean=(0.1,), std=(0.2,), seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip


SHOWN = Diagnostics(
    Curve("threshold", {"threshold": [0.0, 0.5], "accuracy": [1.0, 0.25]}, chosen=0.5),
    {"class 0": torch.rand(3, 4, 4), "class 1": torch.rand(3, 4, 4)},
    Candidates("threshold", [0.0, 0.5], [{}, {"head.weight": torch.ones(2, 3)}], chosen=1),
)
CASES = {
    "rows": (
        lambda path: PoisonedRowsDataset(filepath=path, facts={"attack": "x"}),
        PoisonedRows.empty((1, 4, 4)),
    ),
    "model": (lambda path: ModelDataset(filepath=path, facts={}), make_model()),
    "trigger": (lambda path: TriggerDataset(filepath=path, attack="badnets"), PatchTrigger(3)),
    "networks": (
        lambda path: NetworksDataset(filepath=path, attack="badnets", supersedes=path + "-checkpoints"),
        NoNetworks(),
    ),
    "diagnostics": (lambda path: DiagnosticsDataset(filepath=path), SHOWN),
    "metrics": (lambda path: MetricsDataset(filepath=path), {"asr": 0.5, "rir": None}),
    "frame": (lambda path: FrameDataset(filepath=path), pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25]})),
}


@pytest.fixture(params=CASES)
def saved(request, tmp_path):
    make, data = CASES[request.param]
    dataset = make(str(tmp_path / "folder" / "file"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="does not exist") as error:
        dataset.load()
    assert isinstance(user_error(error.value), UserError), "the command line says it in a sentence"
    dataset.save(data)
    return dataset


def test_what_was_saved_exists_and_nothing_else(saved) -> None:
    assert saved.exists()
    assert [path.name for path in saved.path.parent.iterdir()] == ["file"]


def test_a_truncated_file_is_set_aside_and_counts_as_missing(saved, caplog) -> None:
    saved.path.write_bytes(saved.path.read_bytes()[:-5])
    assert not saved.exists()
    assert not saved.path.exists()
    assert [".corrupt-" in path.name for path in saved.path.parent.iterdir()] == [True]
    assert "set aside" in caplog.text


def test_content_comes_back(tmp_path) -> None:
    images = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    trigger = TriggerDataset(filepath=str(tmp_path / "t"), attack="badnets")
    trigger.save(PatchTrigger(2))
    assert torch.equal(trigger.load()(images), PatchTrigger(2)(images))
    nothing = TriggerDataset(filepath=str(tmp_path / "n"), attack="none")
    nothing.save(NoTrigger())
    assert nothing.exists()
    assert nothing.load()(images) is images
    metrics = MetricsDataset(filepath=str(tmp_path / "m"))
    metrics.save({"asr": None, "der": 0.25})
    assert metrics.load() == {"asr": None, "der": 0.25}


def test_a_finished_model_removes_its_checkpoints(tmp_path) -> None:
    folder = FoldersDataset(checkpoints=str(tmp_path / "checkpoints"), notes=str(tmp_path))
    folder.load().checkpoints.mkdir()
    folder.load().checkpoint.write_text("")
    model = ModelDataset(filepath=str(tmp_path / "model"), facts={}, supersedes=str(tmp_path / "checkpoints"))
    model.save(make_model())
    assert not folder.load().checkpoints.exists()
    with pytest.raises(DatasetError):
        folder.save(None)


def test_a_figure_is_three_files(tmp_path) -> None:
    dataset = FigureDataset(filepath=str(tmp_path / "curves"))
    assert not dataset.exists()
    dataset.save(Figure("title", b"png", {"data": [], "layout": {}}, pd.DataFrame({"a": [1]})))
    assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "curves.csv", "curves.plotly.json"}
    assert dataset.load().read_bytes() == b"png"
    assert dataset.preview() == {"data": [], "layout": {}}
    (tmp_path / "curves.csv").unlink()
    assert not dataset.exists()


def test_diagnostics_come_back_as_they_were(tmp_path) -> None:
    dataset = DiagnosticsDataset(filepath=str(tmp_path / "file"))
    dataset.save(SHOWN)
    read = dataset.load()
    assert read.curve == SHOWN.curve
    assert read.pictures.keys() == SHOWN.pictures.keys()
    assert torch.equal(read.pictures["class 1"], SHOWN.pictures["class 1"])
    assert read.candidates.values == [0.0, 0.5]
    assert read.candidates.chosen == 1
    assert [list(changed) for changed in read.candidates.weights] == [[], ["head.weight"]]
    dataset.save(Diagnostics())
    assert dataset.load() == Diagnostics()
