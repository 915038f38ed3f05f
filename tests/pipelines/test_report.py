"""The report as a pipeline, on a catalog in memory."""

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from backdoor_pipeline.analysis.generalization import COLUMNS
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.cli.run_command import report_params
from backdoor_pipeline.experiment.parameter_names import check_names_of
from backdoor_pipeline.experiment.specs import Reporting
from backdoor_pipeline.pipelines.report import create_pipeline
from backdoor_pipeline.pipelines.report.nodes import collect

ALIASES = {"dataset": {}, "model": {}, "attack": {}, "defense": {}}


def settings(**given):
    return Reporting(**{"where": {}, "sensitivity": None, "published": None, "aliases": ALIASES, **given})


@pytest.fixture
def results():
    rows = [
        {
            "dataset": dataset, "model": "resnet8", "attack": "badnets", "defense": "ft", "poison_ratio": 0.1,
            "seed": seed, "clean_ratio": 0.05, "clean_accuracy_before": 0.9, "clean_accuracy_after": 0.8,
            "asr_before": 1.0, "asr_after": 0.25 * seed, "robust_accuracy_before": 0.0,
            "robust_accuracy_after": 0.5, "der": 0.75, "rir": 0.7,
            "artifact.train": f"{dataset}/t{seed}", "artifact.evaluate": f"{dataset}/e{seed}",
        }
        for dataset in ("digits", "gtsrb")
        for seed in (0, 1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def failures():
    return pd.DataFrame(
        [{"sweep": "s", "task": task, "error": "no", "params": "", "log": "", "when": ""}
         for task in ("train/digits/t0", "evaluate/digits/e9")]
    )  # fmt: skip


def test_counts_means_and_failures_that_were_mended(results, failures) -> None:
    _, summary, still, counts = collect(results, failures, settings(where={"dataset": "digits"}))
    assert (counts["experiments"], counts["settings"], counts["failed"]) == (3, 2, 1)
    assert still["task"].tolist() == ["evaluate/digits/e9"], "the other task has its artifact by now"
    defended = summary[summary["defense"] == "ft"].iloc[0]
    assert (defended["n"], defended["asr_mean"], defended["asr_std"]) == (3, 25, 25)


def test_filters_may_be_nested_as_the_command_line_makes_them(results, failures) -> None:
    with pytest.raises(UserError, match=r"attacks\.badnets\.patch_size"):
        collect(results, failures, settings(where={"attacks": {"badnets": {"patch_size": 3}}}))


def test_every_output_is_made(results, failures) -> None:
    catalog = DataCatalog(
        {
            "results": MemoryDataset(results),
            "failures": MemoryDataset(failures),
            "all_strengths": MemoryDataset(pd.DataFrame(columns=[*COLUMNS, "artifact.evaluate"])),
            "params:report": MemoryDataset(settings()),
        }
    )
    pipeline = create_pipeline()
    made = SequentialRunner().run(pipeline, catalog)
    assert set(made) == pipeline.outputs()
    assert {name for name in made if name.startswith("report_figure_")} == {
        f"report_figure_{name}"
        for name in (
            "overview",
            "heat_map",
            "datasets",
            "ratios",
            "models",
            "sensitivity",
            "published",
            "strengths",
        )
    }
    for name in pipeline.outputs() - {"report_metrics"}:
        assert made[name].load() is not None


def test_nodes_leave_what_they_are_handed_as_it_is(results, failures) -> None:
    cells, summary, still, _ = collect(results, failures, settings())
    handed = {"report_cells": cells, "report_settings": summary, "report_failures": still}
    before = {name: frame.copy() for name, frame in handed.items()}
    catalog = DataCatalog({name: MemoryDataset(frame, copy_mode="assign") for name, frame in handed.items()})
    catalog["all_strengths"] = pd.DataFrame(columns=[*COLUMNS, "artifact.evaluate"])
    catalog["params:report"] = settings()
    SequentialRunner().run(create_pipeline().filter(from_inputs=["report_cells", "report_settings"]), catalog)
    for name, frame in handed.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_what_params_mean_to_a_report() -> None:
    given = {"dataset": "digits", "attacks": {"blended": {"alpha": 0.1}}, "report": {"sensitivity": "epochs"}}
    where = {"dataset": "digits", "attacks": {"blended": {"alpha": 0.1}}}
    assert report_params(given) == {"report": {"sensitivity": "epochs", "where": where}}
    assert report_params({}) == {"report": {"where": {}}}
    both = report_params({"seed": 1, "report": {"where": {"seed": 0, "model": "vgg19"}}})
    assert both == {"report": {"where": {"seed": 1, "model": "vgg19"}}}
    for wrong in ("digits", {"where": "digits"}):
        with pytest.raises(UserError, match="must be tables"):
            report_params({"report": wrong})


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"sensitivty": "epochs"}, "unknown parameter 'report.sensitivty': did you mean 'sensitivity'?"),
        ({"published": 3}, "report.published is 3"),
    ],
)
def test_its_parameters_are_checked_before_any_run(params, own, sentence) -> None:
    with pytest.raises(UserError) as error:
        check_names_of({**params, "report": {**params["report"], **own}})
    assert sentence in str(error.value)
