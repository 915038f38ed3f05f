"""Scores are told as soon as they are known; a defended model is scored where no later stage does it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers.models import build
from helpers.pipelines import poisoned, splits
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.catalog import OnRequestDataset
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.hooks.outcome import OutcomeHooks
from backdoor_pipeline.pipeline_registry import register_pipelines

TRAIN = Node(lambda given: given, "given", "train_metrics", name="train")
EVALUATE = Node(lambda given: given, "given", "evaluate_metrics", name="evaluate")
CONTROL = Node(lambda given: given, "given", "evaluate_control_metrics", name="evaluate_control")
VICTIM = {"clean_accuracy": 0.75, "asr": 1.0, "robust_accuracy": 0.0, "loss": 0.1}
PIPELINES = register_pipelines()


@pytest.fixture
def hooks(params) -> OutcomeHooks:
    """Those of a run that has begun."""
    hooks = OutcomeHooks()
    loaded = {"parameters": {"experiment": resolve(params).model_dump(mode="json")}}
    hooks.after_context_created(SimpleNamespace(config_loader=loaded))
    hooks.before_pipeline_run()
    return hooks


def test_scores_are_told_when_a_stage_ends(hooks, capsys) -> None:
    hooks.after_node_run(TRAIN, {"train_metrics": VICTIM})
    assert " ".join(capsys.readouterr().out.split()) == "before defense C-Acc 75.00 ASR 100.00 R-Acc 0.00"
    hooks.after_node_run(EVALUATE, {"evaluate_metrics": {"clean_accuracy_after": 0.5, "asr_after": None}})
    assert " ".join(capsys.readouterr().out.split()) == "after defense C-Acc 50.00 ASR – R-Acc –"


def test_a_process_that_knows_no_run_says_nothing(capsys) -> None:
    OutcomeHooks().after_node_run(TRAIN, {"train_metrics": VICTIM})
    assert capsys.readouterr().out == ""


def test_after_training_the_victims_scores_are_known(hooks) -> None:
    catalog = DataCatalog({"train_metrics": MemoryDataset(VICTIM)})
    hooks.after_pipeline_run(PIPELINES["train"], catalog)
    assert hooks.found == {"clean_accuracy_before": 0.75, "asr_before": 1.0, "robust_accuracy_before": 0.0}


def test_after_defending_the_defended_model_is_scored_too(hooks, make_set, make_env) -> None:
    clean, test, poison = poisoned(make_set, make_env)
    model = build("resnet8", classes=4)
    content = {
        "clean": splits(clean, test),
        "poison": poison,
        "defended_model": model,
        "train_metrics": VICTIM,
    }
    catalog = DataCatalog({name: MemoryDataset(one, copy_mode="assign") for name, one in content.items()})
    hooks.after_pipeline_run(PIPELINES["defend"], catalog)
    expected = score(make_env().trainer, model, test, poison.test)
    assert hooks.found["clean_accuracy_after"] == expected.clean_accuracy
    assert hooks.found["asr_after"] == expected.asr
    gain, cost = 1.0 - expected.asr, max(0.0, 0.75 - expected.clean_accuracy)
    assert hooks.found["der"] == pytest.approx((gain - cost + 1) / 2)
    assert torch.is_grad_enabled()


def evaluated(file: Path, *, asked: bool) -> DataCatalog:
    """What a run leaves that ends with `evaluate`, with a control or without."""
    kind = "backdoor_pipeline.catalog.MetricsDataset"
    control = OnRequestDataset(dataset=kind, asked=asked, filepath=str(file))
    control.save({"asr_control": 0.125, "clean_accuracy_control": 0.5, "seconds": 3.0})
    found = MemoryDataset({"asr_after": 0.25, "seconds": 1.0})
    return DataCatalog({"evaluate_metrics": found, "evaluate_control_metrics": control})


def test_what_evaluate_found_is_taken_as_it_is(hooks, tmp_path) -> None:
    hooks.after_pipeline_run(PIPELINES["evaluate"], evaluated(tmp_path / "metrics.json", asked=False))
    assert hooks.found == {"asr_after": 0.25, "seconds": 1.0}


def test_what_a_clean_model_did_stands_beside_it(hooks, tmp_path) -> None:
    hooks.after_pipeline_run(PIPELINES["evaluate"], evaluated(tmp_path / "metrics.json", asked=True))
    scores = {"asr_after": 0.25, "asr_control": 0.125, "clean_accuracy_control": 0.5}
    assert hooks.found == scores | {"seconds": 1.0}


def test_a_clean_models_scores_are_told_if_there_is_one(hooks, capsys) -> None:
    hooks.after_node_run(CONTROL, {"evaluate_control_metrics": {}})
    assert capsys.readouterr().out == ""
    hooks.after_node_run(CONTROL, {"evaluate_control_metrics": {"asr_control": 0.125}})
    assert " ".join(capsys.readouterr().out.split()) == "clean model C-Acc – ASR 12.50 R-Acc –"


def test_before_there_is_a_model_nothing_is_known(hooks) -> None:
    hooks.after_pipeline_run(PIPELINES["poison"], DataCatalog({}))
    assert hooks.found == {}
