"""GTSRB in its layouts, and its tables of labels as people keep them."""

from pathlib import Path

import pytest
from helpers.source_files import encode, flat, make_spec, write

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split

OFFICIAL = """Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId
00001.ppm;40;40;1;1;30;30;42
00000.ppm;40;40;1;1;30;30;5
"""
KAGGLE = """Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path
40,40,1,1,30,30,42,Test/00001.png
40,40,1,1,30,30,5,Test/00000.png
"""


def load(raw: Path, split: str) -> ImageSet:
    return load_split(make_spec("gtsrb", classes=43), raw, split)


@pytest.fixture
def official(tmp_path: Path) -> Path:
    for n in range(2):
        write(tmp_path / f"gtsrb/GTSRB/Final_Test/Images/{n:05d}.ppm", encode(flat((n, n, n)), "PPM"))
    return tmp_path / "gtsrb/GT-final_test.csv"


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    root = tmp_path / "gtsrb"
    for label, count in ((2, 1), (10, 2)):
        for n in range(count):
            write(root / f"Train/{label}/{label:05d}_00000_{n:05d}.png", encode(flat((label, n, 7), 20)))
    for n in range(2):
        write(root / f"Test/{n:05d}.png", encode(flat((n, n, n), 40)))
    write(root / "Test.csv", KAGGLE)
    write(root / "Train.csv", "Width,Height,ClassId,Path\n")
    write(root / "Meta/0.png", encode(flat((1, 1, 1))))
    return root


@pytest.mark.parametrize(
    "text",
    [
        OFFICIAL,
        OFFICIAL.replace(";", ","),
        OFFICIAL.replace(";", "\t"),
        OFFICIAL.replace(";", "; "),
        OFFICIAL.replace("\n", "\r\n"),
        "\ufeff" + OFFICIAL,
        "\ufeff" + OFFICIAL.replace(";", ","),
    ],
    ids=["as published", "commas", "tabs", "blanks", "DOS", "byte-order mark", "mark and commas"],
)
def test_a_table_is_read_however_it_was_saved(official: Path, text: str):
    write(official, text)
    test = load(official.parents[1], "test")
    assert test.labels.tolist() == [42, 5]
    assert test.images[:, 0, 0, 0].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Filename;Width\n00000.ppm;40\n", "not a table with Filename and ClassId"),
        ("", "not a table with Filename and ClassId"),
        (OFFICIAL + "00000.ppm;40;40\n", "line 4 does not have a picture and the number of a class"),
        (OFFICIAL.replace(";42", ";stop"), "line 2 does not have a picture and the number of a class"),
        ("Filename;ClassId\n;3\n", "line 2 does not have"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(official: Path, text: str, reason: str):
    write(official, text)
    with pytest.raises(UserError, match=rf"GT-final_test\.csv is damaged \({reason}.*\): delete it and run"):
        load(official.parents[1], "test")


def test_a_table_in_another_encoding_is_damaged(official: Path):
    write(official, OFFICIAL.encode("utf-16"))
    with pytest.raises(UserError, match=r"GT-final_test\.csv is damaged \(.*utf-8.*\): delete it and run"):
        load(official.parents[1], "test")


def test_the_layout_of_kaggle_is_read(kaggle: Path, caplog: pytest.LogCaptureFixture):
    train, test = (load(kaggle.parent, split) for split in ("train", "test"))
    assert train.labels.tolist() == [2, 10, 10], "2 before 10"
    assert train.images[:, :2, 9, 9].tolist() == [[2, 0], [10, 0], [10, 1]]
    assert test.labels.tolist() == [42, 5]
    assert test.images[:, 0, 0, 0].tolist() == [1, 0]
    assert "left out" not in caplog.text


def test_what_was_put_by_hand_is_not_to_be_fetched(kaggle: Path):
    write(kaggle / "Test/00000.png", "broken")
    with pytest.raises(UserError, match=r"00000\.png is damaged .*: replace it by a whole copy"):
        load(kaggle.parent, "test")
    write(kaggle / "Test.csv", "Path\n")
    with pytest.raises(UserError, match=r"Test\.csv is damaged \(not a table .*: replace it by a whole copy"):
        load(kaggle.parent, "test")
    (kaggle / "Test.csv").unlink()
    with pytest.raises(UserError, match=r"not in .*gtsrb: run `kedro data fetch gtsrb`"):
        load(kaggle.parent, "test")


def test_the_official_layout_goes_first(kaggle: Path, official: Path):
    write(official, OFFICIAL)
    write(kaggle / "GTSRB/Final_Training/Images/00007/00000_00000.ppm", encode(flat((7, 7, 7)), "PPM"))
    assert load(kaggle.parent, "train").labels.tolist() == [7]
    assert load(kaggle.parent, "test").labels.tolist() == [42, 5]


def test_all_signs_go_before_the_first_ones_of_the_contest(tmp_path: Path):
    for label, folder in ((3, "Final_Training/Images"), (5, "Training")):
        write(tmp_path / f"gtsrb/GTSRB/{folder}/{label:05d}/00000_00000.ppm", encode(flat((7, 7, 7)), "PPM"))
    assert load(tmp_path, "train").labels.tolist() == [3]


def test_a_training_picture_under_a_strange_name_is_told(kaggle: Path, caplog: pytest.LogCaptureFixture):
    (kaggle / "Train/10/00010_00000_00000.png").rename(kaggle / "Train/10/00010_00000_00000.old")
    assert load(kaggle.parent, "train").labels.tolist() == [2, 10]
    assert (
        f"1 file in {kaggle / 'Train'} left out, being no pictures: 10/00010_00000_00000.old" in caplog.text
    )
