"""What has to be seen to before a run writes anything."""

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog

from backdoor_pipeline.catalog import ImageSplitDataset
from backdoor_pipeline.data.sources import find_split


class DataHooks:
    """Sees that the data set is there."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Look for the clean images.

        Raises:
            UserError: they are not there; the message says how to get them.
        """
        for split in ("clean_train", "clean_test"):
            clean = catalog.get(split)
            if isinstance(clean, ImageSplitDataset):
                find_split(clean.spec, clean.raw, clean.split)
