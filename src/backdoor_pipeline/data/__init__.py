"""Data sets of images and of texts, and the rows of them that an attack changed."""

from backdoor_pipeline.data.images import Images, ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.spec import DatasetSpec, ImageSpec, TextSpec
from backdoor_pipeline.data.table import read_arrays, read_rows
from backdoor_pipeline.data.texts import Texts, TextSet

__all__ = [
    "DatasetSpec",
    "ImageSet",
    "ImageSpec",
    "Images",
    "PoisonedRows",
    "SampleSet",
    "TextSet",
    "TextSpec",
    "Texts",
    "read_arrays",
    "read_rows",
]
