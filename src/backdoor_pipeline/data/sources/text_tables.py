"""Texts in tables: Parquet, or text files with a column of sentences and one of labels."""

import csv
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import torch

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.base import class_numbers, unreadable
from backdoor_pipeline.data.texts import Texts, TextSet

TEXT_COLUMNS = ("text", "sentence", "tweet", "description")
LABEL_COLUMNS = ("label", "labels", "subtask_a", "class")
PARAPHRASES = "syntactic"  # the column of paraphrases in one rare syntax, with nulls where there is none


def read_table(path: Path, header: tuple[str, ...] | None = None) -> pd.DataFrame:
    """A table of texts, every value as it is written.

    Args:
        path: Parquet, `.csv` with quotes, or `.tsv` without.
        header: the columns of a text file that does not name them.

    Raises:
        UserError: it cannot be read.
    """
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        comma = path.suffix == ".csv"
        return pd.read_csv(
            path,
            sep="," if comma else "\t",
            quoting=csv.QUOTE_MINIMAL if comma else csv.QUOTE_NONE,
            header=None if header else "infer",
            names=list(header) if header else None,
            keep_default_na=False,
            encoding="utf-8",
        )
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def column(frame: pd.DataFrame, wanted: tuple[str, ...], path: Path, option: str) -> str:
    """The first of these columns that the table has.

    Raises:
        UserError: it has none of them.
    """
    for name in wanted:
        if name in frame:
            return name
    has = ", ".join(map(str, frame.columns))
    raise UserError(f"{path} has the columns {has}: set the option `{option}` to that of the {option}s.")


def text_set(
    frame: pd.DataFrame,
    path: Path,
    columns: Mapping[str, str],
    classes: tuple[str, ...] | None,
    numbers: Mapping[str, int] | None = None,
) -> TextSet:
    """The texts of a table with their labels.

    Args:
        frame: see `read_table`.
        path: whose it is, for the errors.
        columns: the names of its columns `text` and `label`, where they are not the usual ones.
        classes: the class names; None: as many as there are labels, "0", "1", ...
        numbers: what labels that are no numbers stand for.

    Raises:
        UserError: a column is missing, a text is none, or a label is no number.
    """
    text = column(frame, (columns["text"],) if "text" in columns else TEXT_COLUMNS, path, "text")
    label = column(frame, (columns["label"],) if "label" in columns else LABEL_COLUMNS, path, "label")
    sentences = frame[text].tolist()
    for row, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            raise UserError(f"{path}, row {row}, has no text: remove it, or set the option `text`.")
    labels = _labels(frame[label], path, numbers)
    paraphrases = None
    if PARAPHRASES in frame:
        given = frame[PARAPHRASES].tolist()
        paraphrases = tuple(one if isinstance(one, str) and one else None for one in given)
    names = classes or class_numbers(int(labels.max()) + 1 if len(labels) else 0)
    return TextSet(Texts(tuple(sentences), paraphrases), labels, names)


def _labels(given: "pd.Series[int]", path: Path, numbers: Mapping[str, int] | None) -> torch.Tensor:
    found = []
    for row, label in enumerate(given.tolist()):
        number = numbers.get(str(label)) if numbers else label
        try:
            found.append(int(str(number).removesuffix(".0")))  # numbers beside nulls are read as 1.0
        except ValueError:
            known = f"one of {', '.join(numbers)}" if numbers else "a whole number from 0"
            raise UserError(f"{path}, row {row}: the label {label!r} is not {known}.") from None
    return torch.tensor(found, dtype=torch.int64)
