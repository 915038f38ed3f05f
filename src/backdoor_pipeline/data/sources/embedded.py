"""Data sets that come with this package: Parquet files beside its code."""

from pathlib import Path

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.base import Split, source
from backdoor_pipeline.data.sources.parquet import Parquet
from backdoor_pipeline.data.spec import ImageSpec

FOLDER = Path(__file__).parents[1] / "embedded"


@source("embedded")
class Embedded(Parquet):
    """As `parquet`, but found in the package: always there, nothing to fetch."""

    optional = frozenset()

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:  # noqa: ARG002
        """The shards, sorted by name."""
        files = sorted(FOLDER.glob(spec.options[split]))
        if not files:
            raise UserError(
                f"data set '{spec.name}' has no {spec.options[split]} in {FOLDER}: correct its option "
                f"`{split}`, or install backdoor_pipeline anew."
            )
        return files
