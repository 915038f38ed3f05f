"""Labelled images of others, and what becomes of them."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import facts
from PIL import Image

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import overlay
from backdoor_pipeline.data.table import read_rows, write_rows
from backdoor_pipeline.foreign.pictures import Pictures, read_pictures
from backdoor_pipeline.foreign.poisoned import known_rows, training_rows, triggered_rows

SPEC, CLASSES = facts(classes=3, size=8), ("cat", "dog", "owl")


@pytest.fixture
def folder(tmp_path, make_set):
    """Two pictures of cats, one of an owl."""
    images = make_set(rows=3, size=8).images.permute(0, 2, 3, 1).numpy()
    for image, name in zip(images, ("cat/1.png", "cat/2.png", "owl/1.png"), strict=True):
        (tmp_path / "theirs" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "theirs" / name)
    return tmp_path / "theirs"


def test_a_folder_may_lack_a_class(folder, make_set) -> None:
    found = read_pictures(folder, SPEC, CLASSES)
    assert found.images.labels.tolist() == [0, 0, 2]
    assert torch.equal(found.images.images, make_set(rows=3, size=8).images)
    (folder.parent / "rows.txt").write_text("cat/2.png\n2\n")
    assert known_rows(folder.parent / "rows.txt", found).tolist() == [False, True, True]
    (folder.parent / "rows.txt").write_text("cat/9.png\n")
    with pytest.raises(UserError, match=r"cat/9\.png"):
        known_rows(folder.parent / "rows.txt", found)
    (folder / "cow").mkdir()
    with pytest.raises(UserError, match="cow is no class"):
        read_pictures(folder, SPEC, CLASSES)


@pytest.mark.parametrize(
    ("listed", "stored", "labels"),
    [
        (["owl", "dog", "cat"], [0, 1, 2], [2, 1, 0]),
        (["owl", "cat"], [0, 1, 1], [2, 0, 0]),  # such as a triggered set without its target
        (None, ["owl", "cat", "cat"], [2, 0, 0]),
        (None, [0, 2, 1], [0, 2, 1]),
    ],
)
def test_parquet_labels_mean_what_the_data_set_calls_them(tmp_path, make_set, listed, stored, labels) -> None:
    """Whether the file lists names, holds them, or only counts."""
    pictures = [png(image) for image in make_set(rows=3, size=8).images.permute(0, 2, 3, 1).numpy()]
    table = pa.table({"image": [{"bytes": one, "path": None} for one in pictures], "label": stored})
    if listed:
        features = {"label": {"names": listed, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "theirs.parquet")
    found = read_pictures(tmp_path / "theirs.parquet", SPEC, CLASSES).images
    assert (found.labels.tolist(), found.classes) == (labels, CLASSES)
    if listed:
        with pytest.raises(
            UserError, match=r"'theirs\.parquet'.*'owl', which is none of the training classes"
        ):
            read_pictures(tmp_path / "theirs.parquet", SPEC, ("cat", "dog", "emu"))


def test_parquet_without_labels_is_called_by_its_name(tmp_path, make_set) -> None:
    pictures = [png(image) for image in make_set(rows=3, size=8).images.permute(0, 2, 3, 1).numpy()]
    table = pa.table({"image": [{"bytes": one, "path": None} for one in pictures]})
    pq.write_table(table, tmp_path / "theirs.parquet")
    with pytest.raises(UserError, match=r"'theirs\.parquet' needs a column of labels .* call the column so"):
        read_pictures(tmp_path / "theirs.parquet", SPEC, CLASSES)


def png(image: np.ndarray) -> bytes:
    made = io.BytesIO()
    Image.fromarray(image).save(made, "PNG")
    return made.getvalue()


def test_arrays_are_taken_whatever_comes_first(tmp_path, make_set) -> None:
    known = make_set(rows=6, classes=3, size=8)
    for images in (known.images, known.images.permute(0, 2, 3, 1)):
        np.savez(
            tmp_path / "a.npz", images=images.numpy(), labels=known.labels.numpy(), poisoned=np.arange(6) < 2
        )
        found = read_pictures(tmp_path / "a.npz", SPEC, CLASSES)
        assert torch.equal(found.images.images, known.images)
        assert found.poisoned.tolist() == [True, True, False, False, False, False]


@pytest.mark.parametrize(("arrays", "sentence"), [
    ({"images": np.zeros((2, 8, 8, 3), np.uint8)}, "lacks the array 'labels'"),
    ({"images": np.zeros((2, 8, 8, 3)), "labels": np.zeros(2)}, "must be uint8"),
    ({"images": np.zeros((2, 9, 9, 3), np.uint8), "labels": np.zeros(2)}, "of 3x8x8"),
    ({"images": np.zeros((2, 8, 8, 3), np.uint8), "labels": np.full(2, 3)}, "from 0 to 2"),
    ({"images": np.zeros((2, 8, 8, 3), np.uint8), "labels": np.zeros(2), "targets": np.zeros(1)}, "targets"),
    (
        {"images": np.zeros((2, 8, 8, 3), np.uint8), "labels": np.zeros(2), "targets": np.array([0, 3])},
        "targets must be whole numbers from 0 to 2",
    ),
    ({"images": np.array([{}]), "labels": np.zeros(1)}, "plain arrays"),
])  # fmt: skip
def test_other_arrays_are_refused(tmp_path, arrays, sentence) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=sentence):
        read_pictures(tmp_path / "a.npz", SPEC, CLASSES)


def test_backdoorbenchs_file_is_read_where_its_images_are_tensors(tmp_path, make_set) -> None:
    clean = make_set(rows=6, classes=3, size=8)
    stamped = clean.images.clone()
    stamped[:2, :, -2:, -2:] = 255
    content = {"model": {}, "clean_train": {"x": clean.images}, "bd_train": {"x": stamped, "y": [0] * 6}}
    torch.save(content, tmp_path / "attack_result.pt")
    found = read_pictures(tmp_path / "attack_result.pt", SPEC, CLASSES)
    assert found.poisoned.nonzero().flatten().tolist() == [0, 1]
    torch.save({"model": {}, "bd_train": {"paths": ["1.png"]}}, tmp_path / "attack_result.pt")
    with pytest.raises(UserError, match="save them by numpy"):
        read_pictures(tmp_path / "attack_result.pt", SPEC, CLASSES)


@pytest.mark.parametrize(
    ("poisoned", "roles"), [(None, {"unknown": 6}), ([1] + [0] * 5, {"poisoned": 1, "clean": 5})]
)
def test_a_training_set_stays_whole(tmp_path, make_set, poisoned, roles) -> None:
    theirs, ours = make_set(rows=6, classes=3, size=8), make_set(rows=20, classes=3, size=8)
    rows = training_rows(Pictures(theirs), None if poisoned is None else torch.tensor(poisoned).bool())
    write_rows(tmp_path / "train.parquet", rows, {})
    read, _ = read_rows(tmp_path / "train.parquet")
    assert {role: len(read.of_role(role)) for role in roles} == roles
    received = overlay(ours, read)
    assert isinstance(received, ImageSet)
    assert torch.equal(received.images, theirs.images)
    assert torch.equal(received.labels, theirs.labels)


def test_triggered_images_lie_beside_what_they_were_made_of(make_set) -> None:
    test = make_set(rows=12, classes=3, size=8)
    shuffled = torch.tensor([7, 2, 9, 0, 5])
    stamped = test.images[shuffled].clone()
    stamped[..., -2:, -2:] = 255
    found = Pictures(ImageSet(stamped, test.labels[shuffled], CLASSES))
    rows = triggered_rows(found, 0, test)
    assert rows.index.tolist() == [7, 2, 5], "those of the wanted class do not count"
    assert rows.true_labels.tolist() == [1, 2, 2]
    assert rows.labels.tolist() == [0, 0, 0]
    for target, sentence in ((None, "--target"), (3, "--target 3")):
        with pytest.raises(UserError, match=sentence):
            triggered_rows(found, target, test)
