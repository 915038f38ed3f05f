"""What a run is called and tagged, and what data it names."""

import pytest
from helpers.parameters import change

from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.hooks.description import Description, describe_experiment, describe_report
from backdoor_pipeline.pipeline_registry import register_pipelines

PIPELINES = register_pipelines()


def described(params: dict, pipeline: str, manifest: str = "0123456789ab", **changes: object) -> Description:
    """The description of a run of this pipeline."""
    experiment = resolve(change(params, **changes)).model_copy(update={"manifest": manifest})
    parameters = {"experiment": experiment.model_dump(mode="json")}
    return describe_experiment(parameters, changes, PIPELINES[pipeline])


@pytest.mark.parametrize(
    ("pipeline", "kind", "name"),
    [
        ("__default__", "experiment", "ssba 10% -> ft · digits · resnet8 · s0"),
        ("watch", "experiment", "ssba 10% -> ft · digits · resnet8 · s0"),
        ("evaluate", "experiment", "ssba 10% -> ft · digits · resnet8 · s0"),
        ("defend", "stage", "defend: ssba 10% -> ft · digits · resnet8 · s0"),
        ("poison", "stage", "poison: ssba 10% · digits · s0"),
    ],
)
def test_a_run_that_scores_nothing_is_only_a_stage(params, pipeline, kind, name) -> None:
    made = described(params, pipeline, attack="ssba")
    assert (made.tags["kind"], made.name) == (kind, name)
    assert made.params["attacks.ssba.bits"]


def test_the_clean_and_the_poisoned_set_are_named_by_their_contents(params) -> None:
    made = described(params, "train")
    poisoned, clean = made.data
    assert (clean.name, clean.digest, clean.role) == ("digits", "01234567", "clean")
    assert poisoned.name == "digits/badnets-0.1-s0"
    assert made.tags["artifact.poison"] == f"{poisoned.name}-{poisoned.digest}"


def test_a_ratio_is_tagged_only_if_something_is_poisoned_at_it(params, tmp_path) -> None:
    def tagged(**changes: object) -> str | None:
        return described(params, "evaluate", **changes).tags.get("poison_ratio")

    (theirs := tmp_path / "theirs.safetensors").write_bytes(b"one")
    assert tagged(attack="badnets", poison_ratio=0.05) == "0.05"
    assert tagged(attack="none") == "0"
    assert tagged(attack="imported", models__resnet8__pretrained=str(theirs)) is None, "nobody knows it"


def test_what_is_not_there_is_not_named(params) -> None:
    assert described(params, "train", manifest="", attack="none").data == []


@pytest.mark.parametrize(
    ("pipeline", "defense", "models"),
    [
        ("__default__", "ft", ["resnet8-ssba", "ft-resnet8-ssba"]),
        ("__default__", "none", ["resnet8-ssba"]),
        ("train", "ft", ["resnet8-ssba"]),
        ("poison", "ft", []),
    ],
)
def test_the_models_that_a_run_has_are_named(params, pipeline, defense, models) -> None:
    made = described(params, pipeline, attack="ssba", defense=defense)
    assert [one.name for one in made.models] == models
    folders = [made.tags[f"artifact.{stage}"] for stage in ("train", "defend")]
    assert [one.folder for one in made.models] == folders[: len(models)]


def test_a_report_is_told_by_its_settings() -> None:
    made = describe_report({"report": {"where": {"dataset": "digits"}}})
    assert made.tags == {"kind": "report"}
    assert made.params == {"report.where.dataset": "digits"}
