"""A catalog that a sweep cannot find its files by is told in a sentence."""

from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import configure_project

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.sweep.layout import Layout, config_loader

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["clean", "train_metrics", "backdoored_model"])
@pytest.mark.parametrize(
    "entry",
    [1, [1], {}, {"filepath": 1}, {"type": "no.such.Dataset"}, {"type": "pandas.CSVDataset", "nope": 1}],
)
def test_an_entry_without_files_is_named(name: str, entry: Any) -> None:
    configure_project("backdoor_pipeline")
    catalog = Layout.of(config_loader(PROJECT, "base"), PROJECT).catalog
    with pytest.raises(UserError, match=f"'{name}'"):
        Layout({**catalog, name: entry}, PROJECT)
