"""Metrics in the catalog."""

import json
from typing import Any

from kedro_datasets._typing import JSONPreview

from backdoor_pipeline.base.jsonfile import load_json, save_json
from backdoor_pipeline.catalog.sealed import SealedDataset

Metrics = dict[str, Any]


class MetricsDataset(SealedDataset[Metrics, Metrics]):
    """A flat JSON object of numbers (null where a metric is undefined), shown by Kedro-Viz."""

    def read(self) -> Metrics:
        """Read the metrics."""
        return load_json(self.path, self.seal)

    def save(self, data: Metrics) -> None:
        """Write the metrics."""
        save_json(self.path, data, self.seal)

    def preview(self) -> JSONPreview:
        """What Kedro-Viz shows."""
        return JSONPreview(json.dumps(self.load(), indent=2))
