"""Imported by the warm process: all that a first run would import, compile and configure, done once."""

import captum.attr  # noqa: F401
import matplotlib.pyplot  # noqa: F401
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
import numpy as np
import sklearn.manifold  # noqa: F401
from sqlalchemy.orm import configure_mappers
from umap import UMAP

configure_mappers()
UMAP(n_neighbors=5, init="pca", random_state=0, n_jobs=1).fit_transform(
    np.random.default_rng(0).random((80, 16), dtype=np.float32)
)
