"""The pipelines: each holds the stages before it, of which a run skips those whose artefacts exist."""

from kedro.pipeline import Pipeline

from backdoor_pipeline.pipelines import (
    analyze,
    defend,
    evaluate,
    evaluate_control,
    poison,
    prepare,
    report,
    train,
    train_control,
    watch,
)

STAGES = {
    "prepare": prepare,
    "poison": poison,
    "train": train,
    "defend": defend,
    "train_control": train_control,
    "evaluate_control": evaluate_control,
    "evaluate": evaluate,
    "watch": watch,
    "analyze": analyze,
}
OF_CONTROL = ("train_control", "evaluate_control")  # these need neither the victim's model nor a defense
REPORT = "report"  # across experiments: it reads their results and runs none of their stages


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name; `__default__` is the whole experiment."""
    pipelines, so_far = {}, Pipeline([])
    for name, stage in STAGES.items():
        so_far += stage.create_pipeline()
        pipelines[name] = so_far.to_nodes(name) if name in OF_CONTROL else so_far
    return {**pipelines, "__default__": so_far, REPORT: report.create_pipeline()}
