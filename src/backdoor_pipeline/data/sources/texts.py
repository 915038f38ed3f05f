"""Data sets of texts as they are published: SST-2, OLID and AG News; and tables of one's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pandas as pd

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.base import Source, Split, source, unreadable
from backdoor_pipeline.data.sources.text_tables import read_table, text_set
from backdoor_pipeline.data.spec import Kind, TextSpec
from backdoor_pipeline.data.texts import TextSet

Files = Mapping[Split, tuple[str, ...]]


class TextSource(Source[TextSpec]):
    """A table of texts for each split.

    The options `train` and `test` name its file; without them, it is the first there is of the usual ones,
    Parquet before the published files: paraphrases can only be in the former.

    Class attributes:
        files: the usual names of each split's.
        where: how to get them.
    """

    kind: ClassVar[Kind] = "text"
    optional = frozenset({"train", "test", "text", "label"})
    files: ClassVar[Files] = {}
    where: ClassVar[str] = ""

    def find(self, spec: TextSpec, folder: Path, split: Split) -> list[Path]:
        """The table of a split, or the two files that it is made of."""
        named = (spec.options[split],) if split in spec.options else (f"{split}.parquet", *self.files[split])
        found = [folder / name for name in named if (folder / name).is_file()]
        if not found:
            raise UserError(
                f"data set '{spec.name}' has no {' or '.join(named)} in {folder}: {self.where}, "
                f"or set the option `{split}`."
            )
        return found[:1] if found[0].suffix == ".parquet" else found

    def read(self, spec: TextSpec, files: list[Path], split: Split) -> TextSet:  # noqa: ARG002
        """The sentences, their labels, and their paraphrases where the table has some."""
        return text_set(self.table(files), files[0], spec.options, self.classes(spec), self.numbers())

    def table(self, files: list[Path]) -> pd.DataFrame:
        """The table in these files."""
        return read_table(files[0])

    def classes(self, spec: TextSpec) -> tuple[str, ...]:
        """The class names, from label 0."""
        return tuple(map(str, range(spec.num_classes)))

    def numbers(self) -> Mapping[str, int] | None:
        """What labels that are no numbers stand for; None: they are numbers."""
        return None


@source("text_table")
class TextTable(TextSource):
    """Tables with the columns `text`, `label` (whole numbers from 0), and perhaps `syntactic`, paraphrases.

    Options `train` and `test` name a file: Parquet, `.csv` or `.tsv`; `text` and `label` name other columns.
    """

    required = frozenset({"train", "test"})
    optional = frozenset({"text", "label"})
    where = "put it there"


@source("sst2")
class Sst2(TextSource):
    """SST-2: the tables of GLUE, whose test split has no labels, or one with labels for each split."""

    files: ClassVar[Files] = {"train": ("train.tsv",), "test": ("test.tsv", "dev.tsv")}
    where = "put GLUE's SST-2 there (train.tsv, dev.tsv)"

    def table(self, files: list[Path]) -> pd.DataFrame:
        """The first table that has labels."""
        for path in files:
            frame = read_table(path)
            if "label" in frame:
                return frame
        raise unreadable(files[0], "it has no column `label`, nor is there a dev.tsv")

    def classes(self, spec: TextSpec) -> tuple[str, ...]:  # noqa: ARG002
        """See `TextSource.classes`."""
        return ("negative", "positive")


@source("olid")
class Olid(TextSource):
    """OLID, task A: tweets that offend or do not; the test split's labels lie in a file of their own."""

    files: ClassVar[Files] = {
        "train": ("olid-training-v1.0.tsv",),
        "test": ("testset-levela.tsv", "labels-levela.csv"),
    }
    where = "unpack OLIDv1.0 there (olid-training-v1.0.tsv, testset-levela.tsv, labels-levela.csv)"

    def table(self, files: list[Path]) -> pd.DataFrame:
        """Tweets and labels, joined by their ids."""
        frame = read_table(files[0])
        if files[0].name != self.files["test"][0]:
            return frame
        if len(files) < 2:
            raise unreadable(files[0], f"its labels, {self.files['test'][1]}, are not beside it")
        answers = read_table(files[1], header=("id", "label"))
        try:
            return frame.merge(answers, on="id", validate="one_to_one", how="left")
        except (KeyError, pd.errors.MergeError) as error:
            raise unreadable(files[1], error) from error

    def classes(self, spec: TextSpec) -> tuple[str, ...]:  # noqa: ARG002
        """See `TextSource.classes`."""
        return ("not offensive", "offensive")

    def numbers(self) -> Mapping[str, int]:
        """See `TextSource.numbers`."""
        return {"NOT": 0, "OFF": 1, "0": 0, "1": 1}


@source("agnews")
class AgNews(TextSource):
    """AG News: class, title and description; the descriptions are the texts, as in the field's benchmarks."""

    files: ClassVar[Files] = {"train": ("train.csv",), "test": ("test.csv",)}
    where = "put AG News there (train.csv, test.csv)"

    def table(self, files: list[Path]) -> pd.DataFrame:
        """Descriptions and labels from 0, which the published files count from 1."""
        if files[0].suffix == ".parquet":
            return read_table(files[0])
        frame = read_table(files[0], header=("class", "title", "description"))
        frame = frame[frame["class"] != "Class Index"]  # a header that some copies have
        return frame.assign(label=pd.to_numeric(frame["class"], errors="coerce") - 1)

    def classes(self, spec: TextSpec) -> tuple[str, ...]:  # noqa: ARG002
        """See `TextSource.classes`."""
        return ("world", "sports", "business", "sci/tech")
