"""The control: a model trained on clean data alone, asked about triggered samples."""

import pandas as pd
import torch
from helpers.pipelines import FACTS, TRAINING, engine, poisoned, splits

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.attacks.networks import NoNetworks
from backdoor_pipeline.attacks.poisoning import Poison
from backdoor_pipeline.catalog import Folders
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.specs import Poisoning, Watching
from backdoor_pipeline.experiment.stages import ControlStage, VictimStage
from backdoor_pipeline.pipeline_registry import register_pipelines
from backdoor_pipeline.pipelines.evaluate_control.nodes import evaluate_control
from backdoor_pipeline.pipelines.train.nodes import train_victim
from backdoor_pipeline.pipelines.train_control.nodes import train_control

STAGE = ControlStage(dataset=FACTS, control=TRAINING, engine=engine())
NOBODY = ControlStage(dataset=FACTS, control=None, engine=engine())


def test_it_is_trained_as_without_an_attack_and_scored_on_what_the_attack_triggered(
    make_set, make_env, tmp_path
) -> None:
    clean, test, made = poisoned(make_set, make_env)
    model, history, metrics = train_control(splits(clean, test), STAGE, Folders(tmp_path, tmp_path))
    victim = VictimStage(
        dataset=FACTS, poisoning=Poisoning(attack=None), training=TRAINING, watching=Watching.nothing(),
        engine=engine(),
    )  # fmt: skip
    nothing = Poison.none_of(clean), NoNetworks(), pd.DataFrame({"epoch": []})
    same, *_ = train_victim(splits(clean, test), *nothing, victim, Folders(tmp_path, tmp_path))
    for one, other in zip(model.state_dict().values(), same.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert len(history) == metrics["epochs"] == 5
    found = evaluate_control(splits(clean, test), made, model, STAGE)
    expected = score(make_env().trainer, model, test, made.test)
    assert found["asr_control"] == expected.asr
    assert found["clean_accuracy_control"] == expected.clean_accuracy
    assert found["robust_accuracy_control"] == expected.robust_accuracy
    assert found["seconds"] >= 0


def test_neither_stage_needs_the_victims_model_or_a_defense() -> None:
    made = register_pipelines()
    assert {node.name for node in made["train_control"].nodes} == {"train_control"}
    names = {node.name for node in made["evaluate_control"].nodes}
    assert names == {"prepare", "poison", "train_control", "evaluate_control"}
    assert names <= {node.name for node in made["evaluate"].nodes}
    assert not {"train_control", "evaluate_control"} & {node.name for node in made["defend"].nodes}


def test_where_none_is_asked_for_nothing_is_looked_at(tmp_path) -> None:
    def read(split: str) -> None:
        raise AssertionError(f"{split} was read")

    unread = Splits(read)
    _, history, metrics = train_control(unread, NOBODY, Folders(tmp_path, tmp_path))
    assert history.empty
    assert metrics == {}
    assert evaluate_control(unread, None, None, NOBODY) == {}
