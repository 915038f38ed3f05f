"""The walk-through runs from top to bottom."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

WALK = Path(__file__).parents[2] / "notebooks/walkthrough.ipynb"


def test_the_walk_through(project) -> None:
    # a few epochs are enough to see that every cell runs
    (project / "conf/local/parameters.yml").write_text("epochs: 2\ndefenses: {ft: {recipe: {epochs: 1}}}\n")
    notebook = nbformat.read(WALK, as_version=4)
    folder = project / "notebooks"
    folder.mkdir(exist_ok=True)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "triggered  true" in printed
    assert "INFO" not in str([cell.get("outputs") for cell in notebook.cells]), (
        "nothing is told of what is read"
    )


def test_kedros_own_magic_loads_the_project(project) -> None:
    cells = [
        "%load_ext kedro.ipython",
        "'figures.samples' in catalog",
        "%reload_kedro --params=seed=3",
        "context.params['seed']",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    folder = project / "notebooks"
    folder.mkdir(exist_ok=True)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    told = [cell["outputs"][-1]["data"]["text/plain"] for cell in notebook.cells[1::2]]
    assert "True" in told[0]
    assert "3" in told[1]


def test_it_is_committed_without_results() -> None:
    notebook = nbformat.read(WALK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
