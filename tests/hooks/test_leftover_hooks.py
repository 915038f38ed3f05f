"""Checkpoints go when their stage is complete, not before; and what kills leave goes with the next run."""

import pytest
from kedro.framework.hooks.manager import _create_hook_manager, _register_hooks
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner, ThreadRunner

from backdoor_pipeline.catalog import Folders, FoldersDataset, MetricsDataset
from backdoor_pipeline.hooks.leftovers import LeftoverHooks

OUTPUTS = ["first", "second", "third"]


def train(folders: Folders) -> tuple[dict, dict, dict]:
    folders.checkpoints.mkdir(parents=True, exist_ok=True)
    folders.checkpoint.touch()
    return {}, {}, {}


@pytest.fixture
def run(tmp_path):
    """Runs a stage with three outputs; `spoil` is done to its datasets before."""

    def run(spoil=lambda datasets: None, runner=SequentialRunner, **options):
        folder = tmp_path / "digits/artefact"
        folders = FoldersDataset(checkpoints=str(folder / "checkpoints"), notes=str(folder))
        datasets = {name: MetricsDataset(filepath=str(folder / f"{name}.json")) for name in OUTPUTS}
        spoil(datasets)
        catalog = DataCatalog({**datasets, "folders": folders})
        pipeline = Pipeline([Node(train, ["folders"], OUTPUTS, name="train")])
        manager = _create_hook_manager()
        _register_hooks(manager, (LeftoverHooks(),))
        manager.hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)
        runner(**options).run(pipeline, catalog, manager, only_missing_outputs=True)
        manager.hook.after_pipeline_run(run_params={}, run_result={}, pipeline=pipeline, catalog=catalog)
        return folder

    return run


@pytest.mark.parametrize(
    ("runner", "options"),
    [(SequentialRunner, {}), (SequentialRunner, {"is_async": True}), (ThreadRunner, {})],
)
def test_a_complete_stage_needs_no_checkpoints(run, runner, options) -> None:
    folder = run(runner=runner, **options)
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.json" for name in OUTPUTS)


@pytest.mark.parametrize("failing", OUTPUTS)
def test_until_all_outputs_are_saved_they_stay(run, tmp_path, failing) -> None:
    def spoil(datasets):
        def fail(_: object) -> None:
            raise OSError("the end")

        datasets[failing].save = fail

    with pytest.raises((OSError, DatasetError)):
        run(spoil)
    checkpoints = tmp_path / "digits/artefact/checkpoints"
    assert (checkpoints / "train.safetensors").exists()
    run()
    assert not checkpoints.exists()


def test_what_a_run_left_that_was_killed_at_its_end_goes_with_the_next(run) -> None:
    folder = run()
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints/train.safetensors").touch()
    (folder / ".first.json.12345678.tmp").touch()
    run()
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.json" for name in OUTPUTS)


def test_a_process_that_knows_no_run_leaves_all_as_it_is() -> None:
    LeftoverHooks().after_dataset_saved("first", Node(train, ["folders"], OUTPUTS, name="train"))
