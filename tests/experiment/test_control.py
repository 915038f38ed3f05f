"""The clean model that ASR is held against: who has one, and that it is no other than that of no attack."""

import pytest
from helpers.parameters import change

from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.records import parameters, result_row
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.stages import stages

TEXT = {"dataset": "made_reviews", "model": "tiny_bert", "attack": "word", "target_label": 1}


@pytest.mark.parametrize(
    ("paths", "there"),
    [
        (TEXT, True),
        ({**TEXT, "control": False}, False),
        ({**TEXT, "attack": "none"}, False),
        ({**TEXT, "attack": "none", "control": True}, False),
        ({}, False),
        ({"control": True}, True),
        ({"attack": "none", "control": True}, False),
        ({"attack": "imported", "models__resnet8__pretrained": "theirs.safetensors", "control": True}, False),
    ],
)
def test_texts_have_one_unless_told_otherwise_and_images_if_asked(params, paths, there) -> None:
    experiment = resolve(change(params, **paths))
    assert experiment.choices.control is there
    assert (experiment.control is not None) is there


@pytest.mark.parametrize("attack", ["word", "lws"])
def test_it_is_the_model_of_an_experiment_without_an_attack(params, attack, tmp_path) -> None:
    (tmp_path / "table.json").write_text("{}")
    paths = {**TEXT, "attack": attack, "attacks__lws__table": str(tmp_path / "table.json")}
    names = artifact_names(resolve(change(params, **paths)))
    clean = artifact_names(resolve(change(params, **{**TEXT, "attack": "none"})))
    assert names["train_control"] == clean["train"]
    assert names["train"] != clean["train"]
    assert not {"train_control", "evaluate_control"} & set(clean)


def test_its_scores_are_of_one_poison_and_of_all_defenses(params) -> None:
    first, defended, other = (
        artifact_names(resolve(change(params, **{**TEXT, **paths})))
        for paths in ({"defense": "ft"}, {"defense": "onion"}, {"target_label": 0})
    )
    assert first["evaluate_control"] == defended["evaluate_control"]
    assert first["evaluate_control"] != other["evaluate_control"]
    assert first["train_control"] == other["train_control"]
    assert first["evaluate_control"].startswith("made_reviews/control-tiny_bert-word-0.1-s0-")


@pytest.mark.parametrize("paths", [TEXT, {}])
def test_it_changes_no_other_name_and_no_column(params, paths) -> None:
    told, untold = (resolve(change(params, **paths, control=control)) for control in (True, False))
    names = artifact_names(untold)
    assert {stage: artifact_names(told)[stage] for stage in names} == names
    assert parameters(told) == parameters(untold)


def test_a_stage_is_told_what_to_train(params) -> None:
    experiment = resolve(change(params, **TEXT))
    assert stages(experiment)["train_control"].control == experiment.control
    assert stages(resolve(params))["evaluate_control"].control is None


def test_a_record_has_its_scores(params) -> None:
    experiment = resolve(change(params, **TEXT))
    metrics = {
        "evaluate": {"asr_after": 0.75, "seconds": 2.0},
        "evaluate_control": {"asr_control": 0.25, "clean_accuracy_control": 0.875, "seconds": 0.5},
    }
    row = result_row(experiment, artifact_names(experiment), metrics)
    assert (row["asr_after"], row["asr_control"], row["clean_accuracy_control"]) == (0.75, 0.25, 0.875)
    assert row["evaluate_control_seconds"] == 0.5
