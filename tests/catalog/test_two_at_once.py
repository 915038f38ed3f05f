"""Two processes that write, or meet, the same files."""

from types import SimpleNamespace

import pandas as pd
import pytest
from helpers.figures import picture
from torch import nn

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base import files
from backdoor_pipeline.catalog import FigureDataset, MetricsDataset, TableDataset, figure, table
from backdoor_pipeline.hooks.data import _recorded
from backdoor_pipeline.reporting.table import Table
from backdoor_pipeline.sweep.results import MetricsReader
from backdoor_pipeline.training.checkpoint import Checkpoint

NUMBERS = [pd.DataFrame({"of": [name]}) for name in ("first", "second")]
TABLES = [Table("scores", frame, "<html></html>", "\\toprule") for frame in NUMBERS]
FIGURES = [Figure("a title", picture(), {"data": [], "layout": {}}, frame) for frame in NUMBERS]


@pytest.mark.parametrize(
    ("kind", "made", "module", "last"),
    [(TableDataset, TABLES, table, "save_frame"), (FigureDataset, FIGURES, figure, "save_json")],
)
def test_a_mixture_of_two_saves_bears_no_valid_seal(tmp_path, monkeypatch, kind, made, module, last) -> None:
    first, second = (kind(filepath=str(tmp_path / "made")) for _ in range(2))
    write = getattr(module, last)

    def slowly(*given, **named) -> None:
        monkeypatch.setattr(module, last, write)
        second.save(made[1])  # the whole of it, before the first one's last file
        assert second.exists()
        write(*given, **named)

    monkeypatch.setattr(module, last, slowly)
    first.save(made[0])
    assert not first.exists()
    first.save(made[0])
    assert first.exists()


@pytest.fixture
def overtaken(monkeypatch) -> None:
    """Another process sets a file aside just before this one does."""
    free = files._free_name

    def late(path):
        path.unlink()
        return free(path)

    monkeypatch.setattr(files, "_free_name", late)


@pytest.mark.usefixtures("overtaken")
def test_a_damaged_file_that_another_process_sets_aside_counts_as_missing(tmp_path) -> None:
    file = tmp_path / "metrics.json"
    layout = SimpleNamespace(metrics=lambda *_: file)
    model, no_optimizers = nn.Linear(1, 1), SimpleNamespace(each=[])
    for meet in (
        lambda: MetricsDataset(filepath=str(file)).exists(),
        lambda: _recorded(file),
        lambda: MetricsReader(layout, mend=True).metrics("train", SimpleNamespace(names={})),
        lambda: Checkpoint(file, "print").resume(model, no_optimizers),
    ):
        file.write_text("damaged")
        assert not meet()
        assert list(tmp_path.iterdir()) == []


def test_metrics_that_are_gone_as_they_are_read_are_missing(tmp_path, caplog) -> None:
    reader = MetricsReader(SimpleNamespace(metrics=lambda *_: tmp_path / "metrics.json"))
    assert reader.metrics("train", SimpleNamespace(names={})) == {}
    assert caplog.text == ""
