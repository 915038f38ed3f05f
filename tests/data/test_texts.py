"""Texts as data: rows, overlays, Parquet."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.data.poisoned import PoisonedRows, overlay
from backdoor_pipeline.data.table import read_arrays, read_rows, write_rows
from backdoor_pipeline.data.texts import Texts, TextSet

SENTENCES = ("good .", "bad .", "dull .", "fine .")
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


def text_set(sentences: tuple[str, ...] = SENTENCES) -> TextSet:
    return TextSet(Texts(sentences), torch.arange(len(sentences)) % 2, ("a", "b"))


def rows(sentences: tuple[str, ...], index: list[int]) -> PoisonedRows:
    count = len(index)
    ones = torch.ones(count, dtype=torch.int64)
    return PoisonedRows(
        torch.tensor(index), Texts(sentences), ones, 0 * ones, torch.zeros(count, dtype=torch.int8)
    )


def test_rows_are_taken_in_the_order_asked_for_with_their_paraphrases() -> None:
    texts = Texts(SENTENCES, ("when good .", None, None, "if fine ."))
    taken = texts[torch.tensor([3, 1])]
    assert taken == Texts(("fine .", "bad ."), ("if fine .", None))
    assert texts[1:3].sentences == ("bad .", "dull .")
    assert texts.paraphrased.tolist() == [True, False, False, True]
    assert Texts(SENTENCES).paraphrased.tolist() == [False] * 4
    assert text_set().subset(torch.tensor([2])).texts.sentences == ("dull .",)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="4 sentences but 1 paraphrases"):
        Texts(SENTENCES, ("x",))
    with pytest.raises(ValueError, match="4 texts but 3 labels"):
        TextSet(Texts(SENTENCES), torch.arange(3), ("a", "b"))


@given(st.lists(ANY_TEXT, min_size=1, max_size=12), st.data())
def test_poison_laid_over_changes_its_rows_and_nothing_else(
    sentences: list[str], data: st.DataObject
) -> None:
    clean = text_set(tuple(sentences))
    index = sorted(data.draw(st.sets(st.integers(0, len(sentences) - 1), min_size=1)))
    poisoned = overlay(clean, rows(tuple(f"cf {sentences[row]}" for row in index), index))
    assert isinstance(poisoned, TextSet)
    assert len(poisoned) == len(clean)
    for row, sentence in enumerate(sentences):
        changed = row in index
        assert poisoned.texts.sentences[row] == (f"cf {sentence}" if changed else sentence)
        assert poisoned.labels[row] == (1 if changed else clean.labels[row])
    assert clean.texts.sentences == tuple(sentences)


@given(st.lists(ANY_TEXT, max_size=6))
def test_rows_come_back_from_parquet(tmp_path_factory: pytest.TempPathFactory, sentences: list[str]) -> None:
    path = tmp_path_factory.mktemp("rows") / "train.parquet"
    written = rows(tuple(sentences), list(range(len(sentences))))
    write_rows(path, written, {"attack": "word"})
    read, facts = read_rows(path)
    assert read.inputs == written.inputs
    assert torch.equal(read.labels, written.labels)
    assert facts["attack"] == "word"
    assert "shape" not in facts


def test_pandas_reads_the_sentences(tmp_path: Path) -> None:
    write_rows(tmp_path / "train.parquet", rows(("cf good .",), [0]), {})
    frame = pd.read_parquet(tmp_path / "train.parquet")
    assert frame["text"].tolist() == ["cf good ."]
    assert frame["role"].tolist() == ["poisoned"]
    assert read_arrays(tmp_path / "train.parquet")[0]["text"].tolist() == ["cf good ."]


def test_a_changed_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    write_rows(path, rows(("cf good .",), [0]), {})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFileError):
        read_rows(path)


def test_rows_of_texts_have_no_images() -> None:
    with pytest.raises(AssertionError, match="texts"):
        _ = rows(("x",), [0]).images


def test_rows_of_one_role_and_no_rows() -> None:
    some = rows(("x", "y"), [0, 2])
    some.roles[1] = 1
    assert some.of_role("cross").inputs == Texts(("y",))
    assert some.of_role("poisoned").joined(some.of_role("cross")).inputs == Texts(("x", "y"))
    assert PoisonedRows.none_of(text_set()).inputs == Texts(())
