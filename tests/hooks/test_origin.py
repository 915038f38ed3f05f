"""Source, user and commit, where MLflow looks for them."""

from pathlib import Path

from backdoor_pipeline.hooks import origin as module
from backdoor_pipeline.hooks.origin import command_of, origin


def test_the_command_may_be_typed_again() -> None:
    params = {"attack": "ssba", "attacks": {"ssba": {"bits": 8}}}
    given = {"env": "smoke", "pipeline_names": ["defend"], "runtime_params": params}
    assert (
        command_of(given)
        == "kedro run --env=smoke --pipeline=defend --params attack:ssba,attacks.ssba.bits:8"
    )
    assert command_of({"env": None, "pipeline_names": None, "runtime_params": None}) == "kedro run"


def test_a_run_says_where_it_comes_from(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module.getpass, "getuser", lambda: "ada")
    told = origin("kedro run --params a:https://me:pa55@host", tmp_path)
    assert told == {
        "mlflow.source.name": "kedro run --params a:https://***@host",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": "ada",
    }


def test_the_commit_is_that_of_the_project(monkeypatch) -> None:
    def unknown() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(module.getpass, "getuser", unknown)
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: type("Done", (), {"stdout": "0123abc\n"}))
    told = origin("kedro run", Path())
    assert told["mlflow.source.git.commit"] == "0123abc"
    assert "mlflow.user" not in told
