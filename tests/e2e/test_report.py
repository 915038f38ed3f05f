"""`kedro run --pipeline=report` as users type it: after nothing, after single runs, and after a sweep."""

import json
import shutil

import pandas as pd
import pytest

from .test_default_run import runs

REPORT, FIRST = "data/08_reporting/report", "first-report"
FIGURES = ("overview", "heat_map", "datasets", "ratios", "models", "sensitivity", "strengths", "published")
TABLES = ("results", "benchmark", "sensitivity", "published", "failures")


@pytest.fixture(scope="module")
def too_early(kedro):
    """A report of nothing."""
    return kedro("run", "--pipeline=report", check=False)


@pytest.fixture(scope="module")
def reported(too_early, kedro, project):
    """A single run, and a report with published results beside it."""
    kedro("run", "--env", "smoke", "--pipeline=evaluate")
    (project / "theirs.csv").write_text(
        "dataset,model,attack,defense,poison_ratio,c_acc,asr,r_acc\ndigits,resnet8,badnet,ft,0.1,90,5,80\n"
    )
    done = kedro("run", "--pipeline=report", "--params", "report.published:theirs.csv")
    shutil.copytree(project / REPORT, project / FIRST)  # other tests report again
    return done


def table(project, name: str, folder: str = REPORT) -> pd.DataFrame:
    return pd.read_parquet(project / folder / f"table_{name}.parquet")


def test_without_results_it_says_what_to_do(too_early) -> None:
    assert too_early.returncode == 1
    assert "run `kedro sweep` or `kedro run` first" in too_early.stderr
    assert "Traceback" not in too_early.stderr


def test_single_runs_are_reported(reported, project) -> None:
    settings = table(project, "results", FIRST)
    assert settings[["attack", "defense"]].to_numpy().tolist() == [["badnets", "none"], ["badnets", "ft"]]
    (file,) = (project / "data/08_reporting/digits").glob("ft-resnet8-badnets-*/metrics.json")
    scores = json.loads(file.read_text())
    assert settings["asr_mean"].iloc[1] == pytest.approx(100 * scores["asr_after"])
    assert "experiments: 1; settings but for the seed, of undefended victims too: 2" in reported.stdout
    assert "data/08_reporting/report/leaderboard.html" in reported.stdout


def test_every_figure_and_table_is_there(reported, project) -> None:
    names = {file.name for file in (project / FIRST).iterdir()}
    wanted = {f"{figure}{end}" for figure in FIGURES for end in (".png", ".plotly.json", ".csv")}
    wanted |= {f"table_{name}{end}" for name in TABLES for end in (".csv", ".parquet", ".html", ".tex")}
    assert names == {*wanted, "leaderboard.html", "metrics.json"}


def test_published_results_are_laid_beside(reported, project) -> None:
    (both,) = table(project, "published", FIRST).to_dict("records")
    assert both["asr_difference"] == pytest.approx(both["asr_mean"] - 5)


def test_it_is_an_mlflow_run_of_its_own(reported, project) -> None:
    from mlflow import MlflowClient

    (run,) = [run for run in runs(project) if run.data.params.get("report.published") == "theirs.csv"]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == run.data.tags["pipeline"] == "report"
    assert "attack" not in run.data.tags
    assert run.data.params["report.published"] == "theirs.csv"
    assert run.data.metrics["report/experiments"] == 1
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    logged = {file.path for file in client.list_artifacts(run.info.run_id, "report")}
    assert len(logged) == 3 * len(FIGURES) + 4 * len(TABLES) + 1
    assert "report/leaderboard.html" in logged


def test_it_is_made_anew_of_what_is_asked_for(reported, kedro, project) -> None:
    done = kedro("run", "--pipeline=report", "--params", "attack=badnets,defense=ft")
    assert "experiments: 1; settings but for the seed, of undefended victims too: 1" in done.stdout
    assert table(project, "results")["defense"].tolist() == ["ft"]
    assert table(project, "published").empty
    wrong = kedro("run", "--pipeline=report", "--params", "dataset:cifar10", check=False)
    assert wrong.returncode == 1
    assert "no result has dataset=cifar10: there are digits." in wrong.stderr


def test_what_lost_its_record_gets_it_when_it_is_run_again(reported, kedro, project) -> None:
    (record,) = (project / "data/08_reporting/digits").glob("ft-resnet8-badnets-*/result.json")
    before = json.loads(record.read_text())
    record.unlink()
    assert "evaluate (reused)" in kedro("run", "--env", "smoke", "--pipeline=evaluate").stdout
    assert json.loads(record.read_text()) == before


def test_sweeps_and_single_runs_are_one_report(reported, kedro, project) -> None:
    words = ("--grid", "attack=badnets,none", "--params", "defense:none,seed:1", "--threads", "1")
    kedro("sweep", "--env", "smoke", *words)
    records = list((project / "data/08_reporting").glob("digits/none-*-s1-*/result.json"))
    assert len(records) == 2
    for record in records:
        record.unlink()  # the table has the row
    kedro("run", "--pipeline=report")
    counts = table(project, "results").set_index(["attack", "defense"])["n"].to_dict()
    assert counts == {("none", "none"): 1, ("badnets", "none"): 2, ("badnets", "ft"): 1}


def test_bad_files_are_named_and_stop_no_report(reported, kedro, project) -> None:
    reporting = project / "data/08_reporting"
    bad = {
        reporting / "digits/a/result.json": "[1]",
        reporting / "digits/b/result.json": '{"dataset": "digits", "asr_after": "0.2"}',
        reporting / "digits/c/strengths.parquet": "text",
        reporting / "sweeps/cut/failures/train/digits/d.json": '{"task": "train/dig',
        reporting / "results.parquet": "text",
    }
    table = reporting / "results.parquet"
    kept = table.read_bytes() if table.exists() else None
    try:
        for file, content in bad.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        done = kedro("run", "--pipeline=report", COLUMNS="1000")
    finally:
        for file in bad:
            file.unlink()
        if kept:
            table.write_bytes(kept)
    told = done.stdout + done.stderr
    assert "Traceback" not in told
    assert [told.count(f"left out {file}") for file in bad] == [1] * len(bad)
    assert "experiments: " in done.stdout


def test_it_is_run_by_itself(kedro) -> None:
    done = kedro("run", "--pipelines", "report,evaluate", check=False)
    assert done.returncode == 1
    assert "a report is run by itself" in done.stderr
