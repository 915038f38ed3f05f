"""`kedro run` and its kin, as users type them, on the embedded data at its real budget."""

import json
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from backdoor_pipeline.data.table import read_rows

FIGURES = (
    "samples", "training_curves", "defense", "confusion_before", "confusion_after", "grad_cam", "full_grad",
    "shapley", "frequency", "tsne", "activations", "tac", "stealth", "learning", "gradients",
    "forgetting", "generalization",
)  # fmt: skip


def metrics(project: Path, pattern: str) -> dict[str, float]:
    (file,) = (project / "data").glob(pattern)
    return json.loads(file.read_text())


def runs(project: Path) -> list[Run]:
    """All MLflow runs, oldest first."""
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    (experiment,) = [one for one in client.search_experiments() if one.name == "backdoor_pipeline"]
    return client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])


def state(project: Path) -> dict[str, int]:
    """Every file below `data`, with the time of its last change."""
    files = [file for file in (project / "data").rglob("*") if file.is_file()]
    return {str(file.relative_to(project)): file.stat().st_mtime_ns for file in files}


@pytest.fixture(scope="module")
def first(kedro, project):
    """`kedro run` in a fresh project."""
    return kedro("run")


def test_the_backdoor_works_and_costs_no_clean_accuracy(first, kedro, project) -> None:
    kedro("run", "--pipeline=train", "--params", "attack:none")
    control = metrics(project, "06_models/digits/resnet8-none-*/metrics.json")
    attacked = metrics(project, "08_reporting/digits/ft-resnet8-badnets-*/metrics.json")
    assert attacked["asr_before"] > 0.95
    assert attacked["clean_accuracy_before"] > control["clean_accuracy"] - 0.02 > 0.9
    assert "asr" not in control, "nothing was triggered"


def test_fine_tuning_mends_it(first, project) -> None:
    scores = metrics(project, "08_reporting/digits/ft-resnet8-badnets-*/metrics.json")
    assert scores["asr_after"] < 0.3
    assert scores["clean_accuracy_after"] > 0.85
    assert scores["der"] > 0.75


def test_it_ends_with_the_tables_and_says_what_to_open(first) -> None:
    for words in (
        "C-Acc",
        "ASR",
        "R-Acc",
        "DER",
        "badnets",
        "before",
        "after",
        "train",
        "*.png",
        "mlflow ui",
        "/#/experiments/1/runs?workflowType=machine_learning",
        "kedro viz",
    ):
        assert words in first.stdout


def test_scores_are_told_before_the_figures(first) -> None:
    told = first.stdout
    assert (
        told.index("before defense") < told.index("after defense") < told.index("drawing") < told.index("DER")
    )


def test_the_figures_are_there(first, project) -> None:
    (folder,) = (project / "data/08_reporting/digits").glob("*/*/samples.png")
    names = {file.name for file in folder.parent.iterdir() if file.suffix == ".png"}
    assert names == {f"{figure}.png" for figure in FIGURES}


def test_the_poisoned_set_is_what_it_says(first, project) -> None:
    (file,) = (project / "data/02_poisoned/digits").glob("badnets-0.1-*/train.parquet")
    rows, facts = read_rows(file)
    assert len(rows) == 135  # round(0.1 * 1347)
    assert (rows.labels == 0).all()
    assert (rows.images[:, :, 29:, 29:] == 255).all()
    assert facts["attack"] == "badnets"
    assert facts["dataset"] == "digits"
    assert str(project) not in json.dumps(facts)


def test_a_figure_is_drawn_on_request_beside_the_others(first, kedro, project) -> None:
    before = state(project)
    asked = kedro("run", "--params", "analysis.figures:[umap]")
    assert "drawing 1" in asked.stdout
    new = {Path(file).name for file in state(project).keys() - before.keys()}
    assert new == {"umap.png", "umap.csv", "umap.plotly.json"}
    assert {file: when for file, when in state(project).items() if file in before} == before


def test_an_unknown_figure_is_told_with_those_that_exist(kedro) -> None:
    done = kedro("run", "--params", "analysis.figures:[umapp]", check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "analysis.figures.0 is 'umapp', which won't do: should be 'samples'," in done.stderr
    assert "'umap'" in done.stderr


def test_mlflow_holds_parameters_metrics_curves_and_figures(first, project) -> None:
    run = runs(project)[0]
    assert run.info.status == "FINISHED"
    assert run.data.tags["attack"] == "badnets"
    assert run.data.tags["reused"] == ""
    assert run.data.tags["artifact.train"].startswith("digits/resnet8-badnets-0.1-s0-")
    assert run.info.run_name == "badnets 10% -> ft · digits · resnet8 · s0"
    assert run.data.tags["kind"] == "experiment"
    assert run.data.tags["mlflow.source.name"] == "kedro run"
    assert run.data.params["attacks.badnets.patch_size"] == "3"
    assert run.data.params["training.lr"]
    assert run.data.metrics["asr_before"] > 0.95 > run.data.metrics["asr"]
    assert run.data.metrics["c_acc"]
    assert run.data.metrics["r_acc"]
    assert run.data.metrics["der"]
    for stage in ("poison", "train", "defend", "evaluate", "draw_samples"):
        assert run.data.metrics[f"seconds/{stage}"] > 0
    data = {one.dataset.name: one.dataset.digest for one in run.inputs.dataset_inputs}
    assert set(data) == {"digits", "digits/badnets-0.1-s0"}
    assert run.data.tags["artifact.poison"].endswith(data["digits/badnets-0.1-s0"])
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    curve = client.get_metric_history(run.info.run_id, "asr_before")
    assert [point.step for point in curve] == list(range(1, len(curve) + 1))
    assert len(curve) > 5
    assert len({point.timestamp for point in curve}) == len(curve), "logged as the epochs ended"
    figures = [file.path for file in client.list_artifacts(run.info.run_id, "figures")]
    assert len(figures) == len(FIGURES)


def test_the_second_time_everything_is_reused(first, kedro, project) -> None:
    before = state(project)
    again = kedro("run", "--pipeline=defend", "--params", "attack:badnets")
    assert "train (reused)" in again.stdout
    assert state(project) == before
    scores = metrics(project, "08_reporting/digits/ft-resnet8-badnets-*/metrics.json")
    for name in ("clean_accuracy_before", "asr_before", "clean_accuracy_after", "asr_after", "der"):
        assert f"{100 * scores[name]:.2f}" in again.stdout, "what a defense came to, no later stage needed"
    run = runs(project)[-1]
    assert run.data.metrics["asr"] == scores["asr_after"]
    assert run.data.tags["reused"] == "prepare,poison,train,defend"
    assert run.info.run_name == "defend: badnets 10% -> ft · digits · resnet8 · s0"
    assert run.data.metrics["asr_before"] > 0.95, "what is reused is logged all the same"


def test_another_defense_reuses_the_victim_and_force_rebuilds_it(first, kedro, project) -> None:
    before = state(project)
    kedro("run", "--pipeline=evaluate", "--params", "defense:none")
    new = state(project).keys() - before.keys()
    assert all("/none-resnet8-badnets-" in file for file in new)
    scores = metrics(project, "08_reporting/digits/none-resnet8-badnets-*/metrics.json")
    assert scores["asr_after"] == scores["asr_before"]
    kedro("run", "--pipeline=poison", "--force")
    after = state(project)
    changed = {Path(file).name for file in before if after[file] != before[file]}
    made = {"train.parquet", "test.parquet", "trigger.safetensors", "metrics.json"}
    assert changed == {*made, "networks.safetensors", "history.parquet"}, "and of the stage before"


def test_every_prediction_is_kept(first, project) -> None:
    (file,) = (project / "data/08_reporting/digits").glob("ft-*/predictions.parquet")
    frame = pd.read_parquet(file)
    clean = frame[frame["set"] == "clean"]
    scores = metrics(project, "08_reporting/digits/ft-resnet8-badnets-*/metrics.json")
    assert (clean["before"] == clean["true_label"]).mean() == pytest.approx(scores["clean_accuracy_before"])
    triggered = frame[frame["set"] == "triggered"]
    assert (triggered["before"] == triggered["target_label"]).mean() == pytest.approx(scores["asr_before"])


def test_kedro_viz_previews_metrics_and_figures_and_spares_raw_bytes(first, kedro, project) -> None:
    kedro("viz", "build", "--include-previews")
    page = json.loads((project / "build/api/main").read_text())
    assert page["layers"] == ["raw", "attacker", "poisoned", "models", "defended", "reporting", "figures"]
    ids = {node["name"]: node["id"] for node in page["nodes"]}

    def preview(name: str) -> object:
        return json.loads((project / "build/api/nodes" / ids[name]).read_text())["preview"]

    assert json.loads(preview("evaluate_metrics"))["asr_before"] > 0.95
    assert preview("figures.samples")["data"]
    assert preview("train_history")["columns"][0] == "epoch"
    assert preview("poison") is None
    report = json.loads((project / "build/api/pipelines/report").read_text())
    assert {"results", "report_figure_heat_map"} <= {node["name"] for node in report["nodes"]}
