"""A catalog may put everything outside of the project: commands look, and tell, where it says."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.models import build
from kedro.framework.project import configure_project
from safetensors.torch import save_file

from backdoor_pipeline.cli import data_command, session
from backdoor_pipeline.cli.data_command import fetch_data
from backdoor_pipeline.cli.import_command import import_model, import_poisoned
from backdoor_pipeline.hooks.summary import hints, report_lines
from backdoor_pipeline.sweep.cli import sweep

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """Where the catalog of the project that one stands in puts raw data and reports."""
    conf, place = tmp_path / "project/conf", tmp_path / "scratch"
    (conf / "local").mkdir(parents=True)
    (conf / "base").symlink_to(PROJECT / "conf/base")
    metrics = "type: backdoor_pipeline.catalog.MetricsDataset"
    (conf / "local/catalog.yml").write_text(
        f"clean: {{type: backdoor_pipeline.catalog.CleanDataset, filepath: {place}/raw}}\n"
        f"candidates: {{{metrics}, filepath: '{place}/08/${{artifact:evaluate}}/candidates.json'}}\n"
        f"poison: {{type: backdoor_pipeline.catalog.PoisonDataset, folder: '{place}/02/${{artifact:poison}}',"
        " attack: none, facts: {}}\n"
        "backdoored_model: {type: backdoor_pipeline.catalog.ModelDataset, facts: {},"
        f" filepath: '{place}/06/${{artifact:train}}/model.safetensors'}}\n"
    )
    configure_project("backdoor_pipeline")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    return place


def test_a_sweep_is_planned(elsewhere) -> None:
    done = CliRunner().invoke(sweep, ["--grid", "attack=none", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert f": {elsewhere}/08/sweeps/grid-" in done.output


def test_data_are_where_runs_look_for_them(elsewhere, monkeypatch) -> None:
    assert session.raw_data() == elsewhere / "raw"
    monkeypatch.setattr(data_command, "fetch", lambda name, raw: raw / name)
    assert f"cifar10: {elsewhere}/raw/cifar10" in CliRunner().invoke(fetch_data, ["cifar10"]).output


def test_what_is_imported_or_scanned_goes_where_a_run_s_results_go(elsewhere, tmp_path) -> None:
    assert session.folder_of("evaluate") == elsewhere / "08"
    model, rows = tmp_path / "theirs.safetensors", tmp_path / "theirs.npz"
    mine = build("resnet8")
    head = {f"linear.{name}": weights for name, weights in mine.head.state_dict().items()}
    save_file({**mine.backbone.state_dict(), **head}, model)
    np.savez(rows, images=np.zeros((20, 32, 32, 3), np.uint8), labels=np.arange(20) % 10)
    words = [[model, "--arch", "resnet8"], [rows]]
    for command, given, folder in zip((import_model, import_poisoned), words, ("06", "02"), strict=True):
        done = CliRunner().invoke(command, [*map(str, given), "--dataset", "digits"])
        assert done.exit_code == 0, done.output
        assert done.output.startswith(f"{elsewhere}/{folder}/imported/theirs")
    assert not Path("data").exists()


def test_in_the_project_paths_are_short(monkeypatch) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("KEDRO_ENV", "base")
    configure_project("backdoor_pipeline")
    assert session.raw_data() == Path("data/01_raw")
    assert session.folder_of("train") == Path("data/06_models")


@pytest.mark.parametrize(("folder", "told"), [("/here/data", "data"), ("/scratch", "/scratch")])
def test_figures_and_reports_are_told(folder, told) -> None:
    catalog = {"report_leaderboard": Path(folder, "leaderboard.html")}
    loads = type("Catalog", (), {"load": lambda _, name: catalog[name]})()
    counts = {"experiments": 1, "settings": 1, "failed": 0}
    lines = report_lines(loads, counts, Path("/here"))
    assert lines[1:3] == [f"leaderboard  {told}/leaderboard.html", f"figures      {told}/*.png"]
    figures = hints([Path(folder, "tsne.png")], Path("/here"), True, [])
    assert figures[0] == f"figures    {told}/*.png"
