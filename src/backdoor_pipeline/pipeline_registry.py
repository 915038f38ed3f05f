"""The pipelines: each holds the stages before it, of which a run skips those whose artefacts exist."""

from kedro.pipeline import Pipeline

from backdoor_pipeline.pipelines import analyze, defend, evaluate, poison, prepare, report, train, watch

STAGES = {
    "prepare": prepare,
    "poison": poison,
    "train": train,
    "defend": defend,
    "evaluate": evaluate,
    "watch": watch,
    "analyze": analyze,
}
REPORT = "report"  # across experiments: it reads their results and runs none of their stages


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name; `__default__` is the whole experiment."""
    pipelines, so_far = {}, Pipeline([])
    for name, stage in STAGES.items():
        so_far += stage.create_pipeline()
        pipelines[name] = so_far
    return {**pipelines, "__default__": so_far, REPORT: report.create_pipeline()}
