"""What a data set consists of: a digest of its files, and how many images of every class there are."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.content import content_of
from backdoor_pipeline.data.memory import Memory, memory
from backdoor_pipeline.data.share import see_that_there_are, shared
from backdoor_pipeline.data.sources import Split, check_labels, find_split, folder_of, get_source
from backdoor_pipeline.data.spec import DatasetSpec

FOLDER = ".manifests"  # in the folder of raw data
OF_IMAGES = ("folder", "in_memory_gib")  # options that labels do not depend on


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a data set consists of.

    Attributes:
        content: the digest of all its files, of both splits.
        counts: of each split, the images of every class; empty where `objection` says why.
        objection: what is wrong with the set, as far as its labels tell.
    """

    content: str
    counts: Mapping[Split, tuple[int, ...]]
    objection: str = ""

    def training_counts(self, spec: DatasetSpec) -> tuple[int, ...]:
        """The training images of every class, of which `spec.train_images` are used.

        Raises:
            UserError: there are not so many, or it is not known.
        """
        if self.objection:
            raise UserError(self.objection)
        counts = self.counts["train"]
        if spec.train_images is None:
            return counts
        see_that_there_are(spec.train_images, sum(counts), spec.name)
        return shared(counts, spec.train_images)


def survey(spec: DatasetSpec, raw: Path) -> Manifest:
    """Look through a data set. Files that were read before, and have not been written to since, are not read.

    Args:
        spec: the data set.
        raw: the folder of raw data, `data/01_raw`.

    Raises:
        UserError: the set is not there, or a file cannot be read.
    """
    found = {split: find_split(spec, raw, split) for split in get_args(Split)}
    known = _memory(spec, raw)
    try:
        content = content_of({**found, "package": get_source(spec).packaged()}, known, spec.name)
    except OSError as error:
        raise UserError(
            f"data set '{spec.name}' cannot be read ({error}): see that all its files are there and readable."
        ) from error
    try:
        return Manifest(content, _counts(spec, found, content, known))
    except UserError as error:
        return Manifest(content, {}, str(error))
    except (OSError, ValueError) as error:
        return Manifest(content, {}, f"the labels of data set '{spec.name}' cannot be read ({error}).")


def remember(spec: DatasetSpec, raw: Path) -> None:
    """Keep what was read of a data set for the next process, in a folder beside the data."""
    _memory(spec, raw).keep()


def _memory(spec: DatasetSpec, raw: Path) -> Memory:
    base = folder_of(spec, raw).absolute()
    name = re.sub(r"[^\w.-]", "_", spec.name)
    return memory(raw.absolute() / FOLDER / f"{name}.json", base)


def _counts(
    spec: DatasetSpec, found: Mapping[Split, list[Path]], content: str, known: Memory
) -> dict[Split, tuple[int, ...]]:
    """Remembered, or from the labels.

    Raises:
        UserError: labels cannot be read, or are not as the settings say.
    """
    options = {name: value for name, value in spec.options.items() if name not in OF_IMAGES}
    counted = json.dumps([content, spec.source, options, spec.num_classes])
    if known.known.counted != counted:
        counts = {split: _count(spec, files, split) for split, files in found.items()}
        known.learn(counted=counted, counts=counts)
    return {split: known.known.counts[split] for split in found}


def _count(spec: DatasetSpec, files: list[Path], split: Split) -> tuple[int, ...]:
    labels, classes = get_source(spec).labels(spec, files, split)
    check_labels(spec, split, labels, classes)
    return tuple(labels.bincount(minlength=spec.num_classes).tolist())
