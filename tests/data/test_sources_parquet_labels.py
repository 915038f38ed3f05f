"""What a label of a Parquet means, in every shard and in both splits."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.source_files import encode, flat, make_spec

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split


def put(
    path: Path, labels: list[Any], names: list[str] | None = None, kind: pa.DataType | None = None
) -> None:
    """One gray picture per label, its level the row; `names` go into the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"bytes": encode(flat((row, row, row), 4)), "path": None} for row in range(len(labels))]
    table = pa.table({"image": cells, "label": pa.array(labels, kind)})
    if names:
        info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, path, row_group_size=2)


def load(raw: Path, split: str, classes: int = 2, **options: str) -> ImageSet:
    spec = make_spec("parquet", 4, classes=classes, train="train*.parquet", test="test*.parquet", **options)
    return load_split(spec, raw, split)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Training images of a cat, a dog and a dog, named in the metadata."""
    put(tmp_path / "parquet/train.parquet", [0, 1, 1], names=["cat", "dog"])
    return tmp_path / "parquet"


def test_test_labels_are_those_of_the_training_names(root: Path):
    put(root / "test.parquet", [0, 1, 1, 0], names=["dog", "cat"])
    test = load(root.parent, "test")
    assert test.classes == load(root.parent, "train").classes == ("cat", "dog")
    assert test.labels.tolist() == [1, 0, 0, 1]
    assert test.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_the_same_names_in_the_same_order_change_nothing(root: Path):
    put(root / "test.parquet", [0, 1, 1, 0], names=["cat", "dog"])
    assert load(root.parent, "test").labels.tolist() == [0, 1, 1, 0]


def test_a_test_split_may_lack_a_class(root: Path, caplog: pytest.LogCaptureFixture):
    put(root / "test.parquet", [0, 0], names=["dog"])
    test = load(root.parent, "test")
    assert (test.labels.tolist(), test.classes) == ([1, 1], ("cat", "dog"))
    assert caplog.messages == ["the test split of data set 'parquet' has no image of 1 of 2 classes: cat"]


@pytest.mark.parametrize("names", [["cat", "bird"], ["cat", "dog", "bird"]])
def test_a_test_class_that_is_not_trained_is_refused(root: Path, names: list[str]):
    put(root / "test.parquet", [0, 1], names=names)
    with pytest.raises(
        UserError,
        match=r"^the test split .* has the class 'bird', which is none of the training classes \(cat, dog\):",
    ):
        load(root.parent, "test")


def test_names_that_are_not_told_apart_are_refused(root: Path):
    put(root / "test.parquet", [0, 1], names=["dog", "dog"])
    with pytest.raises(UserError, match="has two classes of one name: give each a name of its own"):
        load(root.parent, "test")


def test_labels_beyond_the_listed_names_are_refused(root: Path):
    put(root / "test.parquet", [0, 1], names=["dog"])
    with pytest.raises(UserError, match="has labels beyond the 1 class names that it lists: relabel it"):
        load(root.parent, "test")


@pytest.mark.parametrize(("train", "test"), [(None, ["cat", "dog"]), (["cat", "dog"], None)])
def test_names_on_one_side_only_cannot_be_compared_which_is_told(
    tmp_path: Path, train: list[str] | None, test: list[str] | None, caplog: pytest.LogCaptureFixture
):
    put(tmp_path / "parquet/train.parquet", [0, 1], names=train)
    put(tmp_path / "parquet/test.parquet", [1, 0], names=test)
    assert load(tmp_path, "test").labels.tolist() == [1, 0]
    assert load(tmp_path, "test").classes == load(tmp_path, "train").classes
    assert "do not both name their classes: taken to be numbered alike" in caplog.text


def test_numbers_without_names_are_taken_as_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    put(tmp_path / "parquet/train.parquet", [0, 1])
    put(tmp_path / "parquet/test.parquet", [1, 0])
    assert load(tmp_path, "test").labels.tolist() == [1, 0]
    assert caplog.text == ""


def test_shards_that_list_their_names_otherwise_are_renumbered(tmp_path: Path):
    put(tmp_path / "parquet/train-0.parquet", [0, 1], names=["cat", "dog"])
    put(tmp_path / "parquet/train-1.parquet", [0, 1], names=["dog", "cat"])
    assert load(tmp_path, "train").labels.tolist() == [0, 1, 1, 0]


TEXT = [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]


@pytest.mark.parametrize("kind", TEXT, ids=str)
def test_names_in_place_of_numbers_are_sorted_and_the_same_in_both_splits(tmp_path: Path, kind: pa.DataType):
    put(tmp_path / "parquet/train-0.parquet", ["dog", "cat", "dog"], kind=kind)
    put(tmp_path / "parquet/train-1.parquet", ["ant"], kind=kind)
    put(tmp_path / "parquet/test.parquet", ["dog", "cat"], kind=kind)
    train, test = (load(tmp_path, split, classes=3) for split in ("train", "test"))
    assert train.classes == test.classes == ("ant", "cat", "dog")
    assert train.labels.tolist() == [2, 1, 2, 0]
    assert test.labels.tolist() == [2, 1], "though by the names of the test split it would be [1, 0]"


def test_written_numbers_are_sorted_as_numbers(tmp_path: Path):
    put(tmp_path / "parquet/train.parquet", ["10", "9", "2"])
    assert load(tmp_path, "train", classes=3).classes == ("2", "9", "10")


def test_a_written_test_class_that_is_not_trained_is_refused(tmp_path: Path):
    put(tmp_path / "parquet/train.parquet", ["dog", "cat"])
    put(tmp_path / "parquet/test.parquet", ["dog", "bird"])
    with pytest.raises(UserError, match="has the class 'bird', which is none of the training classes"):
        load(tmp_path, "test")


def test_written_and_listed_names_agree_by_name(tmp_path: Path):
    put(tmp_path / "parquet/train.parquet", ["dog", "cat"])
    put(tmp_path / "parquet/test.parquet", [0, 1], names=["dog", "cat"])
    assert load(tmp_path, "test").labels.tolist() == [1, 0]


def test_names_against_bare_numbers_are_refused(tmp_path: Path):
    put(tmp_path / "parquet/train.parquet", ["dog", "cat"])
    put(tmp_path / "parquet/test.parquet", [0, 1])
    with pytest.raises(UserError, match="has the class '0', which is none of the training classes"):
        load(tmp_path, "test")


def test_shards_of_both_kinds_are_refused(tmp_path: Path):
    put(tmp_path / "parquet/train-0.parquet", [0, 1])
    put(tmp_path / "parquet/train-1.parquet", ["dog"])
    with pytest.raises(
        UserError, match=r"train-1\.parquet holds string where the first file of its split does not"
    ):
        load(tmp_path, "train")


def test_a_row_without_a_name_is_told(tmp_path: Path):
    put(tmp_path / "parquet/train.parquet", ["dog", None])
    with pytest.raises(UserError, match=r"train\.parquet has rows without a label: remove them"):
        load(tmp_path, "train", classes=1 + 1)


@pytest.mark.parametrize(
    ("labels", "option", "sentence"),
    [
        (
            [0.0, 1.0],
            {},
            "the column `label` of data set 'parquet' holds double, no labels: save it as integers",
        ),
        ([[0], [1]], {"label": "label"}, "the column `label` .* holds list<.*>, no labels"),
        (
            [0, 1],
            {"label": "kind"},
            r"needs a column of integer labels \(can be label\): set the option `label`",
        ),
    ],
)
def test_what_is_wrong_with_the_labels_is_told(
    tmp_path: Path, labels: list[Any], option: dict[str, str], sentence: str
):
    put(tmp_path / "parquet/train.parquet", labels)
    with pytest.raises(UserError, match=sentence):
        load(tmp_path, "train", **option)


def test_a_number_goes_before_a_name_and_a_usual_name_before_any(tmp_path: Path):
    cells = [{"bytes": encode(flat((1, 1, 1), 4)), "path": None}] * 2
    columns = {"image": cells, "caption": ["a", "b"], "label": ["dog", "cat"], "labels": [0, 0]}
    (tmp_path / "parquet").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "parquet/train.parquet")
    assert load(tmp_path, "train").labels.tolist() == [0, 0]
    assert load(tmp_path, "train", label="caption").classes == ("a", "b")
    del columns["labels"]
    pq.write_table(pa.table(columns), tmp_path / "parquet/train.parquet")
    assert load(tmp_path, "train").classes == ("cat", "dog")
