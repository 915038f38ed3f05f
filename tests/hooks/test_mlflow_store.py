"""Where runs go, and what becomes of those whose process was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.mlflow_stores import store_in
from mlflow import MlflowClient

from backdoor_pipeline.hooks import life_signs
from backdoor_pipeline.hooks.life_signs import LifeSign
from backdoor_pipeline.hooks.mlflow_run import MlflowRun
from backdoor_pipeline.hooks.mlflow_store import Store, store_of, tracking_uri

RUN = """
import os, pathlib, sys
from backdoor_pipeline.hooks.mlflow_run import MlflowRun
from backdoor_pipeline.hooks.mlflow_store import Store
folder = pathlib.Path(sys.argv[1])
run = MlflowRun(Store(f"sqlite:///{folder}/mlflow.db", "trial", folder / "artifacts"), "one", {})
print(run.id, flush=True)
"""


def process(end: str, folder: Path) -> "subprocess.Popen[str]":
    """Another process, with a run of its own, and how it ends."""
    return subprocess.Popen([sys.executable, "-c", RUN + end, str(folder)], stdout=subprocess.PIPE, text=True)


def status(store: Store, run: str) -> str:
    found: str = MlflowClient(store.uri).get_run(run).info.status
    return found


def signs(store: Store) -> list[Path]:
    return sorted((store.artifacts.parent / ".locks/artifacts.runs").glob("*"))


def let_go(sign: LifeSign | None) -> None:
    """What becomes of a lock when its process dies."""
    assert sign
    assert sign._descriptor is not None
    os.close(sign._descriptor)


@pytest.fixture
def killed(store: Store) -> str:
    """A run whose process is gone."""
    run = MlflowRun(store, "killed", {})
    let_go(run._sign)
    return run.id


def test_a_relative_store_starts_from_the_project(monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri("sqlite:///mlflow.db", Path("/p")) == "sqlite:////p/mlflow.db"
    assert tracking_uri("sqlite:////abs/mlflow.db", Path("/p")) == "sqlite:////abs/mlflow.db"
    assert tracking_uri("http://server:5000", Path("/p")) == "http://server:5000"
    settings = {"tracking_uri": "sqlite:///mlflow.db", "experiment": "e", "artifacts": "made"}
    assert store_of(settings, Path("/p")) == Store("sqlite:////p/mlflow.db", "e", Path("/p/made"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other")
    assert tracking_uri("sqlite:///mlflow.db", Path("/p")) == "http://other"


def test_the_experiment_has_a_view_of_scores(store) -> None:
    client, experiment = store.open()
    state = json.loads(client.get_experiment(experiment).tags["mlflow.sharedViewState.best"])
    assert state["searchFilter"] == "tags.kind = 'experiment'"
    assert {"metrics.`c_acc`", "metrics.`asr`", state["orderByKey"]} <= set(state["selectedColumns"])
    client.set_experiment_tag(experiment, "mlflow.sharedViewState.best", "of an older version")
    assert json.loads(store.open()[0].get_experiment(experiment).tags["mlflow.sharedViewState.best"]) == state


def test_two_first_runs_at_once_share_a_new_store(tmp_path) -> None:
    store = store_in(tmp_path)
    both = [process("run.end('FINISHED')", tmp_path) for _ in "ab"]
    ids = [one.communicate()[0].strip() for one in both]
    assert [status(store, id) for id in ids] == ["FINISHED", "FINISHED"]
    assert signs(store) == []


def test_the_next_run_closes_one_that_was_killed_and_leaves_those_that_live(store, tmp_path) -> None:
    living = MlflowRun(store, "living", {})
    one = process("os.kill(os.getpid(), 9)", tmp_path)
    killed = one.communicate()[0].strip()
    assert one.returncode == -signal.SIGKILL
    assert status(store, killed) == "RUNNING"
    run = MlflowRun(store, "next", {})
    assert [status(store, id) for id in (killed, living.id, run.id)] == ["KILLED", "RUNNING", "RUNNING"]
    for one in (living, run):
        one.end("FINISHED")
    assert signs(store) == []


def test_a_sweeps_launcher_which_has_no_run_closes_them_too(store, killed) -> None:
    store.close_killed()
    assert status(store, killed) == "KILLED"


def test_without_any_file_the_store_is_not_asked(store, monkeypatch) -> None:
    monkeypatch.setattr(Store, "open", lambda _: pytest.fail("asked"))
    store.close_killed()


def test_a_run_that_ended_by_itself_keeps_its_status(store, killed) -> None:
    MlflowClient(store.uri).set_terminated(killed, "FAILED")
    store.close_killed()
    assert status(store, killed) == "FAILED"
    assert signs(store) == []


def test_a_process_killed_before_its_run_was_made_leaves_nothing(store) -> None:
    let_go(store.life_sign())
    store.close_killed()
    assert signs(store) == []


def test_a_copied_folder_does_not_speak_for_the_first(store, tmp_path, tmp_path_factory) -> None:
    run = MlflowRun(store, "living", {})
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(tmp_path / ".locks", copy / ".locks")  # without the locks themselves
    shared = Store(store.uri, "trial", copy / "artifacts")  # as of a server
    (file,) = signs(shared)
    file.write_text(file.read_text().replace(store._key, shared._key))
    shared.close_killed()
    assert status(store, run.id) == "RUNNING"
    assert signs(shared) == []
    run.end("FINISHED")


def test_another_stores_runs_are_left_to_it(store, killed, tables, tmp_path) -> None:
    Store(f"sqlite:///{tables}", store.experiment, store.artifacts).close_killed()
    Store(store.uri, "another experiment", store.artifacts).close_killed()
    assert len(signs(store)) == 1
    assert status(store, killed) == "RUNNING"


def test_what_cannot_be_asked_is_told_without_secrets_and_stops_nothing(tmp_path, caplog) -> None:
    store = store_in(tmp_path, "http://me:pa55word@127.0.0.1:9")
    let_go(store.life_sign())
    store.close_killed()
    assert "whose process was killed are still open" in caplog.text
    assert "pa55" not in caplog.text
    assert len(signs(store)) == 1, "for the next run"


def test_where_there_are_no_locks_runs_go_on(store, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(life_signs.fcntl, "flock", refuse)
    sign = store.life_sign()
    store.close_killed()
    sign.end()
    assert signs(store) == []


def test_a_file_that_was_never_written_is_removed_after_a_while(store) -> None:
    file = store.artifacts.parent / ".locks/artifacts.runs/0123"
    file.parent.mkdir(parents=True)
    for content in ("", "[1]", "{"):
        file.write_text(content)
        life_signs.see_to_gone(file.parent, "key", lambda _: pytest.fail("closed"))
        assert file.exists(), "another process may be making it"
        os.utime(file, (1, 1))
        life_signs.see_to_gone(file.parent, "key", lambda _: pytest.fail("closed"))
        assert not file.exists()
