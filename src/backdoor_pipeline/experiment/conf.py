"""The configuration that comes with the project: beside its sources, or, in a wheel, among them."""

from functools import cache
from pathlib import Path
from typing import Any

from backdoor_pipeline.base.nesting import overlaid
from backdoor_pipeline.experiment.yaml_text import read_yaml_file

PACKAGE = Path(__file__).parents[1]


def conf_folder() -> Path:
    """The folder that holds `base`."""
    packaged = PACKAGE / "conf"
    return packaged if packaged.is_dir() else PACKAGE.parents[1] / "conf"


@cache
def base_parameters() -> dict[str, Any]:
    """All of `conf/base/parameters`; to be left as they are, everybody gets the same."""
    merged: dict[str, Any] = {}
    for file in sorted((conf_folder() / "base/parameters").glob("*.yml")):
        merged = overlaid(merged, read_yaml_file(file) or {})
    return merged
