"""Image data sets, and the rows of them that an attack changed."""

from backdoor_pipeline.data.images import Images, ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.data.table import read_arrays, read_rows

__all__ = ["DatasetSpec", "ImageSet", "Images", "PoisonedRows", "read_arrays", "read_rows"]
