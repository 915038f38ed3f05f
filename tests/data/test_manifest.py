"""What a data set is known by: its files' content, whoever wrote them, wherever they lie, whenever."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.source_files import encode, flat, make_spec, write, write_cifar10, write_mnist

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data import content
from backdoor_pipeline.data.manifest import Manifest, remember, survey
from backdoor_pipeline.data.memory import memory
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.sources.digits import Digits
from backdoor_pipeline.data.spec import ImageSpec, TextSpec

FOLDER = make_spec("folder", 8, classes=2, train="train", test="test")


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """Raw data with a folder of pictures: four of each of two classes to train on, one to test on."""
    for split, count in (("train", 4), ("test", 1)):
        for label, name in enumerate(("crow", "dove")):
            for n in range(count):
                write(tmp_path / f"folder/{split}/{name}/{n}.png", encode(flat((9 * label, n, 7), 8)))
    return tmp_path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """All files were written a while ago, as far as the test can tell."""
    monkeypatch.setattr(content, "SETTLED", -(10**12))


def in_a_new_process(spec: ImageSpec, raw: Path) -> Manifest:
    """The manifest, of which this process has forgotten what it knew."""
    memory.cache_clear()
    return survey(spec, raw)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all files whose content is read from now on."""
    names: list[str] = []
    read = content._read
    monkeypatch.setattr(
        content, "_read", lambda path, sampled: names.append(path.name) or read(path, sampled)
    )
    return names


def overwrite(raw: Path) -> None:
    write(raw / "folder/train/crow/0.png", encode(flat((1, 2, 3), 8)))


def delete_a_class_to_train_on(raw: Path) -> None:
    for picture in (raw / "folder/train/dove").iterdir():
        picture.unlink()


def change_the_test_set(raw: Path) -> None:
    write(raw / "folder/test/dove/0.png", encode(flat((4, 4, 4), 8)))


def swap_two_pictures(raw: Path) -> None:
    crow, dove = raw / "folder/train/crow/0.png", raw / "folder/train/dove/0.png"
    first, second = crow.read_bytes(), dove.read_bytes()
    write(crow, second)
    write(dove, first)


def rename_a_class(raw: Path) -> None:
    (raw / "folder/train/dove").rename(raw / "folder/train/swan")
    (raw / "folder/test/dove").rename(raw / "folder/test/swan")


def add_an_empty_class(raw: Path) -> None:
    (raw / "folder/train/eagle").mkdir()


@pytest.mark.parametrize(
    "change",
    [
        overwrite,
        delete_a_class_to_train_on,
        change_the_test_set,
        swap_two_pictures,
        rename_a_class,
        add_an_empty_class,
    ],
)
def test_any_change_of_either_split_makes_another_set(birds: Path, change: Callable[[Path], None]) -> None:
    before = survey(FOLDER, birds).content
    change(birds)
    assert survey(FOLDER, birds).content != before
    assert in_a_new_process(FOLDER, birds).content != before


def test_a_deleted_class_is_objected_to(birds: Path) -> None:
    assert survey(FOLDER, birds).counts == {"train": (4, 4), "test": (1, 1)}
    delete_a_class_to_train_on(birds)
    found = survey(FOLDER, birds)
    assert found.counts == {}
    assert "1 of the 2 classes" in found.objection


def test_what_is_no_change_makes_the_same_set(birds: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = survey(FOLDER, birds).content
    for picture in birds.rglob("*.png"):
        os.utime(picture, (1, 1))  # touched
    write(birds / "folder/train/crow/.DS_Store", "hidden")
    assert survey(FOLDER, birds).content == before
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(birds / "folder", elsewhere / "folder")
    assert survey(FOLDER, elsewhere).content == before
    aside = make_spec("folder", 8, classes=2, train="train", test="test", folder=str(birds / "folder"))
    assert survey(aside, elsewhere / "none").content == before


def test_a_time_of_writing_that_is_set_back_hides_nothing(birds: Path, settled: None) -> None:
    picture = birds / "folder/train/crow/0.png"
    before, was = survey(FOLDER, birds).content, picture.stat()
    data = picture.read_bytes()
    picture.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.utime(picture, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert picture.stat().st_size == was.st_size
    assert survey(FOLDER, birds).content != before


def test_the_next_process_does_not_read_again(birds: Path, settled: None, opened: list[str]) -> None:
    before = survey(FOLDER, birds)
    assert len(opened) == 10
    remember(FOLDER, birds)
    opened.clear()
    assert in_a_new_process(FOLDER, birds) == before
    assert opened == []
    write(birds / "folder/train/crow/3.png", encode(flat((5, 5, 5), 8)))
    assert in_a_new_process(FOLDER, birds).content != before.content
    assert sorted(opened) == ["0.png", "1.png", "2.png", "3.png"], "only its folder is read"


def test_what_was_just_written_is_read_again(birds: Path, opened: list[str]) -> None:
    survey(FOLDER, birds)
    opened.clear()
    survey(FOLDER, birds)
    assert len(opened) == 10, "within a tick of the clock it may have been written to twice"


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-9], lambda text: "", lambda text: text.replace("4", "3")]
)
def test_a_damaged_memory_is_none(
    birds: Path, settled: None, opened: list[str], damage: Callable[[str], str]
) -> None:
    before = survey(FOLDER, birds)
    remember(FOLDER, birds)
    (file,) = (birds / ".manifests").iterdir()
    file.write_text(damage(file.read_text()))
    opened.clear()
    assert in_a_new_process(FOLDER, birds) == before
    assert len(opened) == 10


def test_a_folder_that_cannot_be_written_to_stops_nothing(birds: Path) -> None:
    write(birds / ".manifests", "a file where the folder should be")
    survey(FOLDER, birds)
    remember(FOLDER, birds)


def test_nothing_is_written_before_it_is_to_be_remembered(birds: Path) -> None:
    before = sorted(birds.rglob("*"))
    survey(FOLDER, birds)
    assert sorted(birds.rglob("*")) == before


def test_links_are_followed_and_a_loop_ends(birds: Path) -> None:
    before = survey(FOLDER, birds).content
    (birds / "folder/train/dove").rename(birds / "doves")
    (birds / "folder/train/dove").symlink_to(birds / "doves")
    assert survey(FOLDER, birds).content == before
    (birds / "doves/loop").symlink_to(birds / "doves")
    survey(FOLDER, birds)
    write(birds / "doves/0.png", encode(flat((1, 2, 3), 8)))
    assert survey(FOLDER, birds).content != before


@pytest.fixture
def large(birds: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as a large set: of every folder the first and the third picture are read."""
    monkeypatch.setattr(content, "LARGE_FILES", 9)
    monkeypatch.setattr("backdoor_pipeline.data.listing.EVERY", 2)
    return birds


def test_a_large_set_is_read_in_samples(large: Path, opened: list[str]) -> None:
    before = survey(FOLDER, large).content
    assert sorted(opened) == ["0.png"] * 4 + ["2.png"] * 2
    overwrite(large)
    assert survey(FOLDER, large).content != before


def test_all_names_and_sizes_of_a_large_set_count(large: Path) -> None:
    before = survey(FOLDER, large).content
    write(large / "folder/train/crow/1.png", encode(flat((0, 1, 7), 8)) + b"longer")
    larger = in_a_new_process(FOLDER, large).content
    assert larger != before
    (large / "folder/train/crow/1.png").rename(large / "folder/train/crow/1b.png")
    assert survey(FOLDER, large).content not in (before, larger)


def test_a_glance_at_a_large_set_lists_no_files(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = survey(FOLDER, large).content
    remember(FOLDER, large)
    with monkeypatch.context() as patch:
        patch.setattr(content, "walk", None)
        assert in_a_new_process(FOLDER, large).content == before
    (large / "folder/test/dove/1.png").touch()
    assert in_a_new_process(FOLDER, large).content != before


def test_big_files_of_a_large_set_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "BLOCK", 10)
    file = write(tmp_path / "big", bytes(1000))

    def changed(at: int, sampled: bool) -> bool:
        before = content._read(write(file, bytes(1000)), sampled)
        return before != content._read(write(file, bytes(at) + b"x" + bytes(999 - at)), sampled)

    assert [changed(at, sampled=False) for at in (0, 30, 999)] == [True, True, True]
    assert [changed(at, sampled=True) for at in (0, 9, 10, 30, 66, 990, 999)] == [
        True, True, False, False, True, True, True,
    ]  # fmt: skip
    assert content._read(file, True) != content._read(write(file, bytes(1001)), True)


def gtsrb(raw: Path, train: str, count: int) -> ImageSpec:
    """The official layout, its training pictures unpacked as `train`."""
    root = raw / "gtsrb/GTSRB"
    for n in range(count):
        write(root / f"{train}/00042/0_{n}.ppm", encode(flat((n, 1, 1), 20), "PPM"))
    write(root / "Final_Test/Images/00000.ppm", encode(flat((1, 1, 1), 40), "PPM"))
    write(raw / "gtsrb/GT-final_test.csv", "Filename;ClassId\n00000.ppm;42\n")
    return make_spec("gtsrb", classes=43)


def test_the_two_training_archives_of_gtsrb_differ(tmp_path: Path) -> None:
    spec = gtsrb(tmp_path, "Training", 2)
    first = survey(spec, tmp_path)
    assert first.counts["train"][42] == 2
    gtsrb(tmp_path, "Final_Training/Images", 3)
    final = survey(spec, tmp_path)
    assert final.content != first.content
    assert final.counts["train"][42] == 3
    write(tmp_path / "gtsrb/GT-final_test.csv", "Filename;ClassId\n00000.ppm;41\n")
    assert survey(spec, tmp_path).content != final.content


def parquet(raw: Path, name: str, labels: list[int]) -> None:
    cells = [{"bytes": encode(flat((label, 1, 2), 8)), "path": "x"} for label in labels]
    (raw / "parquet").mkdir(exist_ok=True)
    pq.write_table(pa.table({"image": cells, "label": labels}), raw / "parquet" / name)


def test_parquet_is_known_by_its_shards_and_their_order(tmp_path: Path) -> None:
    spec = make_spec("parquet", 8, classes=3, train="train-*.parquet", test="test.parquet")
    parquet(tmp_path, "train-0.parquet", [0, 1])
    parquet(tmp_path, "train-1.parquet", [2, 2])
    parquet(tmp_path, "test.parquet", [0])
    before = survey(spec, tmp_path)
    assert before.counts == {"train": (1, 1, 2), "test": (1, 0, 0)}
    parquet(tmp_path, "train-1.parquet", [2, 1])
    changed = survey(spec, tmp_path)
    assert changed.content != before.content
    assert changed.counts["train"] == (1, 2, 1)
    parquet(tmp_path, "train-2.parquet", [0, 1])
    (tmp_path / "parquet/train-0.parquet").unlink()
    assert survey(spec, tmp_path).content not in (before.content, changed.content)


def test_arrays_are_known_by_their_files(tmp_path: Path) -> None:
    spec = make_spec("cifar10")
    root = write_cifar10(tmp_path / "cifar10")
    before = survey(spec, tmp_path)
    assert before.counts["train"] == (0, 1, 1, 1, 1, 1, 0, 0, 0, 0)
    batch = root / "data_batch_3.bin"
    write(batch, batch.read_bytes()[:-1] + b"\x00")
    assert survey(spec, tmp_path).content != before.content


def test_packaged_digits_are_known_by_their_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_spec("digits")
    before = survey(spec, tmp_path)
    assert sum(before.counts["train"]) == 1347
    (original,) = Digits().packaged()
    other = write(tmp_path / "digits.csv.gz", original.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(Digits, "packaged", lambda self: [other])
    assert survey(spec, tmp_path).content != before.content


@pytest.mark.parametrize("source", ["folder", "gtsrb", "parquet", "cifar10", "mnist", "digits"])
def test_counts_are_those_of_the_loaded_split(birds: Path, source: str) -> None:
    parquet(birds, "train.parquet", [0, 1, 1])
    parquet(birds, "test.parquet", [2])
    write_cifar10(birds / "cifar10")
    write_mnist(birds / "mnist")
    spec = {
        "folder": FOLDER,
        "gtsrb": gtsrb(birds, "Training", 2),
        "parquet": make_spec("parquet", 8, classes=3, train="train.parquet", test="test.parquet"),
        "mnist": make_spec("mnist", 28, 1),
    }.get(source, make_spec(source))
    manifest = survey(spec, birds)
    for split in ("train", "test"):
        labels = load_split(spec, birds, split).labels
        assert list(manifest.counts[split]) == labels.bincount(minlength=spec.num_classes).tolist()


@pytest.mark.parametrize(("images", "source"), [(100, "digits"), (3, "folder"), (7, "folder")])
def test_the_counts_of_a_share_are_those_that_are_loaded(birds: Path, images: int, source: str) -> None:
    whole = make_spec("digits") if source == "digits" else FOLDER
    spec = whole.model_copy(update={"train_images": images})
    labels = load_split(spec, birds, "train").labels
    counts = survey(whole, birds).training_counts(spec)
    assert list(counts) == labels.bincount(minlength=spec.num_classes).tolist()


def test_what_is_wrong_with_labels_is_told_where_they_are_needed(birds: Path) -> None:
    spec = FOLDER.model_copy(update={"num_classes": 5})
    manifest = survey(spec, birds)
    assert manifest.content == survey(FOLDER, birds).content
    with pytest.raises(UserError, match="has 2 classes, not 5: set `num_classes: 2`"):
        manifest.training_counts(spec)
    with pytest.raises(UserError, match="train_images is 9, but folder has 8 training images"):
        survey(FOLDER, birds).training_counts(FOLDER.model_copy(update={"train_images": 9}))


def test_damaged_labels_are_told_and_not_remembered(tmp_path: Path) -> None:
    spec = make_spec("mnist", 28, 1)
    write_mnist(tmp_path / "mnist", zipped=False)
    labels = tmp_path / "mnist/train-labels-idx1-ubyte"
    whole = labels.read_bytes()
    labels.write_bytes(b"junk")
    assert "train-labels-idx1-ubyte is damaged" in survey(spec, tmp_path).objection
    labels.write_bytes(whole)
    assert sum(survey(spec, tmp_path).counts["train"]) == 3


def test_counts_depend_on_how_labels_are_read(tmp_path: Path) -> None:
    pictures = [{"bytes": encode(flat((1, 1, 1), 8)), "path": "x"}] * 3
    table = pa.table({"image": pictures, "a": [0, 1, 1], "b": [0, 0, 0]})
    (tmp_path / "parquet").mkdir()
    pq.write_table(table, tmp_path / "parquet/all.parquet")

    def counts(label: str) -> tuple[int, ...]:
        spec = make_spec("parquet", 8, classes=2, train="all.parquet", test="all.parquet", label=label)
        return survey(spec, tmp_path).counts["train"]

    assert (counts("a"), counts("b")) == ((1, 2), (3, 0))


def test_a_set_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="kedro data fetch cifar10"):
        survey(make_spec("cifar10"), tmp_path)


def test_a_file_that_cannot_be_read_is_a_sentence(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, sampled: bool) -> str:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(content, "_read", fail)
    with pytest.raises(UserError, match=r"data set 'folder' cannot be read \(.*Input/output error"):
        survey(FOLDER, birds)


def test_names_that_are_no_text_do_no_harm(birds: Path, settled: None) -> None:
    name = os.fsdecode(b"\xff\xfe.png")
    write(birds / "folder/train/crow" / name, encode(np.zeros((8, 8), np.uint8)))
    before = survey(FOLDER, birds)
    remember(FOLDER, birds)
    assert in_a_new_process(FOLDER, birds) == before
    assert before.counts["train"] == (5, 4)


def test_paraphrases_are_counted_by_class(tmp_path: Path) -> None:
    table = pa.table({
        "text": ["a", "b", "c", "d"], "label": [0, 1, 1, 1], "syntactic": ["when a", None, "when c", ""],
    })  # fmt: skip
    (tmp_path / "own").mkdir()
    for split in ("train", "test"):
        pq.write_table(table, tmp_path / f"own/{split}.parquet")
    options = {"train": "train.parquet", "test": "test.parquet"}
    own = TextSpec(kind="text", name="own", source="text_table", options=options, num_classes=2, length=8)
    for _ in range(2):  # counted, then remembered
        found = survey(own, tmp_path)
        assert (found.counts["train"], found.paraphrased) == ((1, 3), (1, 1))
        remember(own, tmp_path)
        memory.cache_clear()
    some = own.model_copy(update={"train_images": 2})
    assert found.paraphrased_counts(some) == tuple(map(min, (1, 1), found.training_counts(some)))


def test_test_labels_are_counted_by_the_names_of_the_training_set(tmp_path: Path) -> None:
    """A class may be missing there; one more may not."""
    trees = make_spec("parquet", 8, classes=3, train="train.parquet", test="test.parquet")
    picture = {"bytes": encode(flat((1, 2, 3), 8)), "path": None}

    def put(split: str, labels: list[int], names: list[str]) -> None:
        content = json.dumps({"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}})
        table = pa.table({"image": [picture] * len(labels), "label": labels})
        (tmp_path / "parquet").mkdir(exist_ok=True)
        pq.write_table(
            table.replace_schema_metadata({"huggingface": content}), tmp_path / f"parquet/{split}.parquet"
        )

    put("train", [0, 1, 2], ["ash", "oak", "yew"])
    put("test", [0, 0, 1], ["yew", "ash"])
    assert survey(trees, tmp_path).counts == {"train": (1, 1, 1), "test": (1, 0, 2)}
    assert load_split(trees, tmp_path, "test").labels.tolist() == [2, 2, 0]
    put("test", [0, 1], ["yew", "elm"])
    assert "the class 'elm', which is none of the training classes" in survey(trees, tmp_path).objection
