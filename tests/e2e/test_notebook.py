"""The walk-through runs from top to bottom."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

WALK = Path(__file__).parents[2] / "notebooks/walkthrough.ipynb"


def test_the_walk_through(project) -> None:
    # a few epochs are enough to see that every cell runs
    (project / "conf/local/parameters.yml").write_text("epochs: 2\ndefenses: {ft: {recipe: {epochs: 1}}}\n")
    notebook = nbformat.read(WALK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project)}}).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "triggered  true" in printed


def test_it_is_committed_without_results() -> None:
    notebook = nbformat.read(WALK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
