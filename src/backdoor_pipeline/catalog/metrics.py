"""Metrics in the catalog."""

import json
from typing import Any

from kedro_datasets._typing import JSONPreview

from backdoor_pipeline.base.files import CorruptFileError, replacing
from backdoor_pipeline.catalog.checked import CheckedDataset

Metrics = dict[str, Any]


class MetricsDataset(CheckedDataset[Metrics, Metrics]):
    """A flat JSON object of numbers (null where a metric is undefined), shown by Kedro-Viz."""

    def load(self) -> Metrics:
        """Read the metrics."""
        metrics: Metrics = json.loads(self.require().read_text(encoding="utf-8"))
        return metrics

    def save(self, data: Metrics) -> None:
        """Write the metrics."""
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")

    def check(self) -> None:
        """See `CheckedDataset.check`."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise CorruptFileError(str(error)) from error
        if not isinstance(content, dict):
            raise CorruptFileError("not a JSON object")

    def preview(self) -> JSONPreview:
        """What Kedro-Viz shows."""
        return JSONPreview(self.path.read_text(encoding="utf-8"))
