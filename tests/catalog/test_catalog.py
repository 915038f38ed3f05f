"""Files are whole or absent; what is damaged is set aside and counts as missing (P4)."""

import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from helpers.figures import picture
from kedro.io import DatasetError

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.attacks.methods.badnets import PatchTrigger
from backdoor_pipeline.attacks.networks import NoNetworks
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base import reading
from backdoor_pipeline.base.errors import UserError, user_error
from backdoor_pipeline.catalog import (
    DiagnosticsDataset,
    FigureDataset,
    FrameDataset,
    MetricsDataset,
    ModelDataset,
    NetworksDataset,
    PageDataset,
    PoisonedRowsDataset,
    TableDataset,
    TriggerDataset,
)
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.defenses.diagnostics import Candidates, Curve, Diagnostics
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.reporting.table import Table


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
        lambda path: NetworksDataset(filepath=path, attack="badnets"),
        NoNetworks(),
    ),
    "diagnostics": (lambda path: DiagnosticsDataset(filepath=path), SHOWN),
    "metrics": (lambda path: MetricsDataset(filepath=path), {"asr": 0.5, "rir": None}),
    "frame": (lambda path: FrameDataset(filepath=path), pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25]})),
}


FIGURE = Figure("title", picture(), {"data": [], "layout": {}}, pd.DataFrame({"a": [1]}))
TABLE = Table("scores", pd.DataFrame({"asr": [12.5]}), "<html></html>", "\\toprule")
CASES |= {
    "figure": (lambda path: FigureDataset(filepath=path), FIGURE),
    "table": (lambda path: TableDataset(filepath=path), TABLE),
    "page": (lambda path: PageDataset(filepath=path), "<p>"),
}
DAMAGES = {
    "truncated": lambda content: content[:-5],
    "emptied": lambda content: b"",
    "zeroed": lambda content: bytes(len(content)),
    "flipped": lambda content: content[:-2] + bytes([content[-2] ^ 4]) + content[-1:],
    "longer": lambda content: content + b"\n",
    "other": lambda content: b"{}",
}


@pytest.fixture(params=CASES)
def kind(request):
    """What makes a dataset of one kind, and what it holds."""
    return CASES[request.param]


@pytest.fixture
def saved(kind, tmp_path):
    make, data = kind
    dataset = make(str(tmp_path / "digits/artefact/file"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="does not exist") as error:
        dataset.load()
    assert isinstance(user_error(error.value), UserError), "the command line says it in a sentence"
    dataset.save(data)
    return dataset


def corrupt(dataset) -> list[str]:
    return sorted(path.name for path in dataset.path.parent.iterdir() if ".corrupt-" in path.name)


def test_what_was_saved_exists_and_nothing_else(saved) -> None:
    assert saved.exists()
    assert {path.name for path in saved.path.parent.iterdir()} == {file.name for file in saved.files}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_set_aside_and_counts_as_missing(saved, kind, damage, caplog) -> None:
    for file in saved.files:
        good = file.read_bytes()
        file.write_bytes(DAMAGES[damage](good))
        assert not saved.exists()
        assert not any(file.exists() for file in saved.files)
        assert "set aside" in caplog.text
        saved.save(kind[1])
        assert saved.exists(), "and can be rebuilt"
        assert file.read_bytes() == good
    assert len(corrupt(saved)) == len(saved.files) ** 2


def test_a_damaged_file_is_never_loaded(saved, kind) -> None:
    for file in saved.files:
        file.write_bytes(file.read_bytes()[:-1] + b"\xff")
        with pytest.raises(DatasetError) as error:
            saved.load()
        assert "repeat the command, which rebuilds it" in str(user_error(error.value))
        assert not saved.exists()
        saved.save(kind[1])


def test_the_same_of_another_experiment_is_noticed(kind, tmp_path) -> None:
    make, data = kind
    one, other = (make(str(tmp_path / f"digits/{name}/file")) for name in ("one", "other"))
    for dataset in (one, other):
        dataset.save(data)
    for file, instead in zip(one.files, other.files, strict=True):
        file.write_bytes(instead.read_bytes())
    assert not one.exists()
    assert other.exists()


def test_the_data_folder_may_be_moved(kind, tmp_path) -> None:
    make, data = kind
    make(str(tmp_path / "here/digits/artefact/file")).save(data)
    (tmp_path / "here").rename(tmp_path / "there")
    assert make(str(tmp_path / "there/digits/artefact/file")).exists()


@pytest.mark.parametrize("times", [1, 3, 4])
def test_a_read_error_is_no_damage(saved, times, monkeypatch) -> None:
    """Three are borne; then a sentence names the file, and nothing is set aside."""
    monkeypatch.setattr(reading, "PAUSES", (0.0, 0.0, 0.0))
    left, stock = [OSError(5, "Input/output error")] * times, Path.open

    def open_or_fail(path: Path, *args, **kwargs):
        if path in saved.files and left:
            raise left.pop()
        return stock(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_or_fail)
        if times < 4:
            assert saved.exists()
        else:
            with pytest.raises(DatasetError) as error:
                saved.exists()
            told = str(user_error(error.value))
            assert "cannot be read (Input/output error): nothing was changed" in told
            assert str(saved.path) in told
    assert saved.exists()
    assert not corrupt(saved)


def test_a_full_disk_is_a_sentence_and_what_was_there_stays(saved, kind, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(DatasetError) as error:
            saved.save(kind[1])
    assert "the disk is full: make room and repeat the command" in str(user_error(error.value))
    assert not corrupt(saved)
    assert saved.exists() == (len(saved.files) == 1), "of several files, none is older than the others"
    assert not list(saved.path.parent.glob("*.tmp"))


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


def test_a_figure_is_three_files(tmp_path) -> None:
    dataset = FigureDataset(filepath=str(tmp_path / "curves"))
    assert not dataset.exists()
    dataset.save(FIGURE)
    assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "curves.csv", "curves.plotly.json"}
    assert dataset.load().read_bytes() == FIGURE.png
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
