import os

from kedro.io import DataCatalog, SharedMemoryDataCatalog
from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.catalog import MetricsDataset
from backdoor_pipeline.hooks.nodes import RunNodes


def identity(given: dict) -> dict:
    return given


PIPELINE = Pipeline(
    [Node(identity, "zero", "one", name="first"), Node(identity, "one", "two", name="second")]
)


def datasets(folder) -> dict[str, MetricsDataset]:
    return {name: MetricsDataset(filepath=str(folder / name)) for name in ("one", "two")}


def test_nodes_of_this_process_are_those_it_was_told_of(tmp_path) -> None:
    nodes = RunNodes(PIPELINE, DataCatalog(datasets(tmp_path)))
    datasets(tmp_path)["one"].save({})  # another run has built it meanwhile
    assert nodes.ran() == set()
    nodes.add("second")
    assert nodes.ran() == {"second"}


def test_nodes_of_other_processes_are_known_by_their_files(tmp_path) -> None:
    datasets(tmp_path)["one"].save({})
    nodes = RunNodes(PIPELINE, SharedMemoryDataCatalog(datasets(tmp_path)))
    assert nodes.ran() == set()
    datasets(tmp_path)["two"].save({})
    assert nodes.ran() == {"second"}
    datasets(tmp_path)["one"].save({})
    assert nodes.ran() == {"first", "second"}, "the same content, but written anew"


def test_a_forked_process_is_not_the_one_that_runs_the_pipeline(tmp_path) -> None:
    nodes = RunNodes(PIPELINE, DataCatalog(datasets(tmp_path)))
    assert nodes.here
    child = os.fork()
    if not child:
        os._exit(int(nodes.here))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
