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
from backdoor_pipeline.data.sources import Split, find_split, folder_of, get_source, split_labels
from backdoor_pipeline.data.spec import DatasetSpec, TextSpec
from backdoor_pipeline.data.texts import TextSet

FOLDER = ".manifests"  # in the folder of raw data
COUNTED = 2  # raised when more is counted than before
OF_IMAGES = ("folder", "in_memory_gib")  # options that labels do not depend on


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a data set consists of.

    Attributes:
        content: the digest of all its files, of both splits.
        counts: of each split, the images of every class; empty where `objection` says why.
        objection: what is wrong with the set, as far as its labels tell.
        paraphrased: the training sentences of every class that have a paraphrase; of images none.
    """

    content: str
    counts: Mapping[Split, tuple[int, ...]]
    objection: str = ""
    paraphrased: tuple[int, ...] = ()

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

    def paraphrased_counts(self, spec: DatasetSpec) -> tuple[int, ...]:
        """Those of `training_counts` that have a paraphrase; where only some are used, at most so many.

        Raises:
            UserError: see `training_counts`.
        """
        return tuple(map(min, self.paraphrased, self.training_counts(spec)))


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
        counts = _counts(spec, found, content, known)
        return Manifest(content, counts, paraphrased=known.known.paraphrased)
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
    counted = json.dumps([content, spec.source, options, spec.num_classes, COUNTED])
    if known.known.counted != counted:
        counts = {split: _count(spec, found, split) for split in found}
        known.learn(counted=counted, counts=counts, paraphrased=_paraphrased(spec, found["train"]))
    return {split: known.known.counts[split] for split in found}


def _count(spec: DatasetSpec, found: Mapping[Split, list[Path]], split: Split) -> tuple[int, ...]:
    return tuple(split_labels(spec, found, split).bincount(minlength=spec.num_classes).tolist())


def _paraphrased(spec: DatasetSpec, files: list[Path]) -> tuple[int, ...]:
    if not isinstance(spec, TextSpec):
        return ()
    made = get_source(spec).read(spec, files, "train")
    assert isinstance(made, TextSet)
    return tuple(made.labels[made.texts.paraphrased].bincount(minlength=spec.num_classes).tolist())
