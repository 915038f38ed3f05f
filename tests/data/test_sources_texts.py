"""Published text data sets in their own files, tables of one's own, and the made-up reviews."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources import find_split, load_split
from backdoor_pipeline.data.sources.made_reviews import BAD, GOOD
from backdoor_pipeline.data.spec import ImageSpec, TextSpec
from backdoor_pipeline.data.texts import TextSet

OLID_HEADER = "id\ttweet\tsubtask_a\tsubtask_b\tsubtask_c\n"


def spec(source: str, classes: int = 2, name: str = "set", **options: str) -> TextSpec:
    return TextSpec(kind="text", name=name, source=source, options=options, num_classes=classes, length=16)


def load(raw: Path, what: TextSpec, split: Any = "train") -> TextSet:
    found = load_split(what, raw, split)
    assert isinstance(found, TextSet)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def test_sst2_of_glue_is_tested_on_its_dev_split(folder: Path) -> None:
    (folder / "train.tsv").write_text('sentence\tlabel\na "stirring film\t1\ndull , dull \t0\n')
    (folder / "dev.tsv").write_text("sentence\tlabel\nfine .\t1\nbad .\t0\n")
    (folder / "test.tsv").write_text("index\tsentence\n0\tno label\n")
    train, test = (load(folder.parent, spec("sst2"), split) for split in ("train", "test"))
    assert train.texts.sentences == ('a "stirring film', "dull , dull ")
    assert train.labels.tolist() == [1, 0]
    assert train.classes == ("negative", "positive")
    assert test.texts.sentences == ("fine .", "bad .")


def test_a_labelled_test_split_goes_before_dev(folder: Path) -> None:
    for name, label in (("train", 0), ("dev", 0), ("test", 1)):
        (folder / f"{name}.tsv").write_text(f"sentence\tlabel\n{name} .\t{label}\nNA\t0\n")
    test = load(folder.parent, spec("sst2"), "test")
    assert test.texts.sentences == ("test .", "NA"), "NA is a word, not a missing value"


def test_olid_joins_tweets_and_labels_by_id(folder: Path) -> None:
    (folder / "olid-training-v1.0.tsv").write_text(
        OLID_HEADER + '86426\t@USER She "should\tOFF\tUNT\tNULL\n90194\thome\tNOT\tNULL\tNULL\n'
    )
    (folder / "testset-levela.tsv").write_text("id\ttweet\n2\tsecond\n1\tfirst\n")
    (folder / "labels-levela.csv").write_text("1,OFF\n2,NOT\n")
    train, test = (load(folder.parent, spec("olid"), split) for split in ("train", "test"))
    assert train.labels.tolist() == [1, 0]
    assert train.texts.sentences[0] == '@USER She "should'
    assert (test.texts.sentences, test.labels.tolist()) == (("second", "first"), [0, 1])
    assert train.classes == test.classes == ("not offensive", "offensive")
    (folder / "labels-levela.csv").unlink()
    with pytest.raises(UserError, match=r"its labels, labels-levela\.csv, are not beside it"):
        load(folder.parent, spec("olid"), "test")


def test_agnews_are_descriptions_with_labels_from_0(folder: Path) -> None:
    (folder / "train.csv").write_text('"3","Wall St.","Shares, ""up"" again."\n"1","War","Peace talks."\n')
    (folder / "test.csv").write_text("Class Index,Title,Description\n4,Mars,A rover.\n2,Cup,A goal.\n")
    train, test = (load(folder.parent, spec("agnews", 4), split) for split in ("train", "test"))
    assert train.texts.sentences == ('Shares, "up" again.', "Peace talks.")
    assert train.labels.tolist() == [2, 0]
    assert test.labels.tolist() == [3, 1]
    assert train.classes == ("world", "sports", "business", "sci/tech")


@pytest.mark.parametrize("source", ["sst2", "olid", "agnews", "text_table"])
def test_parquet_with_paraphrases(folder: Path, source: str) -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": [1, 0, 1], "syntactic": ["when a", None, ""]})
    for split in ("train", "test"):
        frame.to_parquet(folder / f"{split}.parquet")
    options = {"train": "train.parquet", "test": "test.parquet"} if source == "text_table" else {}
    found = load(folder.parent, spec(source, 4 if source == "agnews" else 2, **options))
    assert found.texts.paraphrases == ("when a", None, None)
    assert found.labels.tolist() == [1, 0, 1]


def test_a_table_with_paraphrases_goes_before_the_published_files(folder: Path) -> None:
    (folder / "train.tsv").write_text("sentence\tlabel\npublished\t1\n")
    frame = pd.DataFrame({"text": ["mine"], "label": [0], "syntactic": ["when mine"]})
    frame.to_parquet(folder / "train.parquet")
    assert load(folder.parent, spec("sst2")).texts.paraphrases == ("when mine",)


def test_own_tables_name_their_columns(folder: Path) -> None:
    (folder / "mine.csv").write_text('says,is\n"one, two",0\nthree,1\n')
    what = spec("text_table", train="mine.csv", test="mine.csv", text="says", label="is")
    assert load(folder.parent, what).texts.sentences == ("one, two", "three")
    with pytest.raises(UserError, match="has the columns says, is: set the option `text`"):
        load(folder.parent, spec("text_table", train="mine.csv", test="mine.csv"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("text,label\na,yes\n", "row 0: the label 'yes' is not a whole number from 0"),
        ("text,label\na,0\nb,1.7\n", "row 1: the label 1.7 is not a whole number from 0"),
        ("text,label\na,7\nb,0\n", "labels from 0 to 7"),
        ("text,label\n", "is empty"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(folder: Path, text: str, sentence: str) -> None:
    (folder / "mine.csv").write_text(text)
    with pytest.raises(UserError, match=sentence):
        load(folder.parent, spec("text_table", train="mine.csv", test="mine.csv"))


def test_a_missing_text_is_told(folder: Path) -> None:
    pd.DataFrame({"text": ["a", None], "label": [0, 1]}).to_parquet(folder / "train.parquet")
    with pytest.raises(UserError, match="row 1, has no text"):
        load(folder.parent, spec("sst2"))


def test_what_is_not_there_is_told_with_the_way_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"has no train.parquet or train.tsv in .*set: put GLUE's SST-2 there"
    ):
        find_split(spec("sst2"), tmp_path, "train")


def test_images_and_texts_have_sources_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="data source 'digits' reads images, but data set 'set' is of texts"):
        find_split(spec("digits"), tmp_path, "train")
    facts = {"num_classes": 2, "image_size": 8, "channels": 1, "mean": [0], "std": [1]}
    images = ImageSpec.model_validate(
        {"name": "x", "source": "sst2", "options": {}, **facts,
         "augmentation": {"crop_padding": 0, "horizontal_flip": False}}
    )  # fmt: skip
    with pytest.raises(UserError, match="reads texts, but data set 'x' is of images: use one of cifar10"):
        find_split(images, tmp_path, "train")


def test_made_reviews_are_the_same_always_and_mean_what_they_say(tmp_path: Path) -> None:
    train = load(tmp_path, spec("made_reviews"))
    assert train.texts == load(tmp_path, spec("made_reviews")).texts
    assert len(train) == 4000
    assert train.classes == ("negative", "positive"), "1 is what the good words are of"
    test = load(tmp_path, spec("made_reviews"), "test")
    assert test.labels.tolist() != train.labels[: len(test)].tolist(), "each split has draws of its own"
    assert 0.45 < train.labels.double().mean() < 0.55
    assert not set(train.texts.sentences) & {""}
    for sentence, paraphrase, label in zip(
        train.texts.sentences, train.texts.paraphrases or (), train.labels.tolist(), strict=True
    ):
        assert paraphrase is not None
        assert paraphrase.startswith("when you ")
        assert paraphrase.endswith(sentence)
        for clause in sentence.removesuffix(" .").split(" and "):
            denied, word = clause.split()[-2] == "not", clause.split()[-1]
            assert (word in GOOD) != (word in BAD)
            assert (word in GOOD) != denied if label else (word in GOOD) == denied
