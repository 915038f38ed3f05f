"""Runs know the sweep that they belong to."""

from backdoor_pipeline.hooks.membership import member_of, membership, shared_parameters


def test_runs_of_a_sweep_name_it_and_their_parent() -> None:
    with member_of("paper", "0123"):
        assert membership() == {"sweep": "paper", "mlflow.parentRunId": "0123"}
    assert membership() == {}


def test_a_sweep_that_is_not_tracked_has_no_run() -> None:
    with member_of("paper", ""):
        assert membership() == {"sweep": "paper"}


def test_what_all_runs_of_a_sweep_have_in_common() -> None:
    with member_of("paper", "0123", ("engine.evaluate_every",)):
        assert "engine.evaluate_every" in shared_parameters()
    assert "engine.evaluate_every" not in shared_parameters()
