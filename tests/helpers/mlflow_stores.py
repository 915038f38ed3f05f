"""MLflow stores in a folder."""

from pathlib import Path

from backdoor_pipeline.hooks.mlflow_store import Store


def store_in(folder: Path, uri: str = "") -> Store:
    """A store of this folder's own, or another's, whose runs are looked after in this folder."""
    return Store(uri or f"sqlite:///{folder}/mlflow.db", "trial", folder / "artifacts")
