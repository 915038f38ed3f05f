"""Folders of pictures: what is read, in which order, what is left out and what a class is."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.source_files import encode, flat, make_spec, write
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.sources.listing import natural, pictures_below

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding")


def put(root: Path, *names: str) -> None:
    """A picture under each name, in the format of its extension."""
    for place, name in enumerate(names):
        kind = Image.registered_extensions()[os.path.splitext(name)[1].lower()]
        write(root / name, encode(flat((place, 20, 30), 8), kind))


def load(raw: Path, split: str = "train", classes: int = 2) -> ImageSet:
    return load_split(make_spec("folder", 8, classes=classes, train="train", test="test"), raw, split)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two pictures of two classes, for training and for testing."""
    for split in ("train", "test"):
        put(tmp_path / f"folder/{split}", "cat/0.png", "dog/0.png")
    return tmp_path / "folder"


def test_what_pillow_reads_is_read(root: Path, caplog: pytest.LogCaptureFixture):
    put(
        root / "train/cat", "a.jfif", "b.JPE", "c.tif", "d.TIFF", "e.gif", "f.pgm", "g.tga", "h.jp2", "i.JPEG"
    )
    assert load(root.parent).labels.tolist() == [0] * 10 + [1]
    assert caplog.text == ""


def test_a_picture_is_known_by_its_content(root: Path):
    write(root / "train/cat/1.png", encode(flat((200, 0, 0), 8), "JPEG", quality=100))
    assert abs(int(load(root.parent).images[1, 0, 0, 0]) - 200) <= 2


def test_pictures_lie_at_any_depth_below_their_class(root: Path):
    put(root / "train/cat", "2020/may/x.png", "2020/y.png", "a.png")
    assert load(root.parent).labels.tolist() == [0, 0, 0, 0, 1]
    pictures, others = pictures_below(root / "train/cat")
    assert [str(path.relative_to(root / "train/cat")) for path in pictures] == [
        "0.png", "2020/may/x.png", "2020/y.png", "a.png",
    ]  # fmt: skip
    assert others == []


def test_links_to_folders_are_followed_but_not_in_circles(root: Path):
    put(root / "elsewhere", "x.png", "deep/y.png")
    os.symlink(root / "elsewhere", root / "train/cat/linked")
    os.symlink(root / "elsewhere", root / "train/dog/linked")
    os.symlink(root / "train/cat", root / "train/cat/round")
    assert load(root.parent).labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_what_is_left_out_is_counted_and_named_once(root: Path, caplog: pytest.LogCaptureFixture):
    for name in (
        "cat/notes.txt",
        "cat/.DS_Store",
        "dog/Thumbs.db",
        "dog/in/._0.png",
        "list.csv",
        ".git/x.png",
    ):
        write(root / "train" / name, "no picture")
    assert len(load(root.parent)) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages == [
        f"data set 'folder': 6 files in {root / 'train'} left out, being no pictures: "
        ".git, list.csv, cat/.DS_Store, cat/notes.txt, dog/Thumbs.db, ..."
    ]


def test_half_the_pictures_under_a_strange_name_are_not_lost_silently(
    root: Path, caplog: pytest.LogCaptureFixture
):
    put(root / "train/cat", *(f"{n}.png" for n in range(1, 8)))
    for n in range(4):
        os.rename(root / f"train/cat/{n}.png", root / f"train/cat/{n}.picture")
    assert len(load(root.parent)) == 5
    assert "4 files in" in caplog.text
    assert "cat/0.picture" in caplog.text


def test_numbered_classes_are_in_the_order_of_their_numbers(tmp_path: Path):
    names = [str(n) for n in range(1, 13)]
    for split in ("train", "test"):
        put(tmp_path / f"folder/{split}", *(f"{name}/0.png" for name in names))
    train, test = (load(tmp_path, split, classes=12) for split in ("train", "test"))
    assert list(train.classes) == names
    assert test.classes == train.classes
    assert train.classes[2] == "3", "target_label 2 is the third class"


def test_names_are_sorted_as_a_person_would():
    assert sorted(["b2", "a10", "a9b", "a9", "10", "9", "", "a"], key=natural) == [
        "", "9", "10", "a", "a9", "a9b", "a10", "b2",
    ]  # fmt: skip
    wordnet = ["n02085620", "n01440764", "n01443537"]
    assert sorted(wordnet, key=natural) == sorted(wordnet)


@given(st.lists(st.text(alphabet="ab0129.²٣", max_size=6), unique=True))
def test_any_names_have_one_order(names: list[str]):
    other_way = names[::-1]
    assert sorted(names, key=natural) == sorted(other_way, key=natural)
    numbers = [name for name in names if name.isascii() and name.isdecimal()]
    assert [int(name) for name in sorted(numbers, key=natural)] == sorted(map(int, numbers))


def test_a_class_without_training_pictures_is_refused(root: Path):
    write(root / "train/bird/notes.txt", "none yet")
    with pytest.raises(
        UserError, match=r"1 of the 3 classes of data set 'folder' have no picture .*train \(bird\): put some"
    ):
        load(root.parent, classes=3)


def test_a_class_without_test_pictures_is_told(root: Path, caplog: pytest.LogCaptureFixture):
    os.remove(root / "test/dog/0.png")
    os.rmdir(root / "test/dog")
    assert load(root.parent, "test").labels.tolist() == [0]
    assert caplog.messages == ["the test split of data set 'folder' has no image of 1 of 2 classes: dog"]


def test_a_test_class_that_is_not_trained_is_refused(root: Path):
    put(root / "test", "bird/0.png")
    with pytest.raises(UserError, match=r"test/bird is no class of .*train: rename it or remove it"):
        load(root.parent, "test")


def test_an_unclear_picture_is_named_with_the_way_out(root: Path):
    picture = Image.fromarray(np.array([[0, 300]], np.float32))
    picture.save(root / "train/cat/x.tif")
    with pytest.raises(
        UserError, match=r"cat/x\.tif cannot be used, as its values go from 0 to 300, .*16 bits\.$"
    ):
        load(root.parent)


def test_a_picture_that_cannot_be_reached_is_not_called_damaged(root: Path, monkeypatch: pytest.MonkeyPatch):
    def hiccup(_: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", hiccup)
    with pytest.raises(
        UserError, match=r"0\.png cannot be read \(Input/output error\): see to its disk or rights"
    ):
        load(root.parent)
