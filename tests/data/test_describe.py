"""Drawing up a block for a data set of one's own."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.describe import describe
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.spec import ImageSpec


def picture(*, size=(40, 40), shade=(100, 100, 100), mode="RGB") -> Image.Image:
    image = Image.new("RGB", size, shade)
    return image.quantize() if mode == "P" else image.convert(mode)


def put(folder: Path, pictures: dict[str, Image.Image]) -> None:
    for name, image in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(folder / name)


def load(found, name: str, raw: Path):
    spec = ImageSpec.model_validate({"name": name, **found.block})
    return [load_split(spec, raw, split) for split in ("train", "test")]


def test_folders_of_colored_pictures_of_one_size(tmp_path: Path) -> None:
    dark, light = picture(shade=(51, 102, 0)), picture(shade=(153, 102, 0))
    put(tmp_path / "birds", {"train/2/a.png": dark, "train/10/b.png": light, "test/2/c.png": dark})
    found = describe(tmp_path / "birds", "birds", tmp_path)
    assert found.block == {
        "source": "folder", "options": {"train": "train", "test": "test"}, "num_classes": 2,
        "image_size": 40, "channels": 3, "mean": [0.4, 0.4, 0], "std": [0.2, 0.001, 0.001],
        "augmentation": {"crop_padding": 5, "horizontal_flip": False},
    }  # fmt: skip
    assert (found.counts, found.classes) == ({"train": 2, "test": 1}, ("2", "10"))
    train, test = load(found, "birds", tmp_path)
    assert (len(train), len(test)) == (2, 1)


def test_deviations_are_those_of_pixels_not_of_whole_pictures(tmp_path: Path) -> None:
    halves = picture(shade=(51, 51, 51))
    halves.paste((153, 153, 153), (0, 0, 20, 40))
    put(tmp_path / "x", {"train/a/0.png": halves, "train/b/0.png": halves, "test/a/0.png": halves})
    block = describe(tmp_path / "x", "x", tmp_path).block
    assert (block["mean"], block["std"]) == ([0.4], [0.2])


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([(300, 400)] * 3, 224), ([(70, 90), (60, 200), (64, 64)], 64), ([(20, 20)], 28), ([(28, 28)], 28),
     ([(500, 500)], 224), ([(30, 40), (40, 30)], 28)],
)  # fmt: skip
def test_the_size_is_what_half_of_the_pictures_are_not_smaller_than(tmp_path, sizes, expected) -> None:
    pictures = {f"train/a/{i}.png": picture(size=size) for i, size in enumerate(sizes)}
    put(tmp_path / "x", {**pictures, "train/b/0.png": picture(size=sizes[0]), "val/a/0.png": picture()})
    found = describe(tmp_path / "x", "x", tmp_path)
    assert found.block["image_size"] == expected
    assert found.block["options"] == {"train": "train", "test": "val"}


@pytest.mark.parametrize(
    ("mode", "blue", "channels"), [("L", 90, 1), ("RGB", 90, 1), ("P", 90, 1), ("RGB", 91, 3)]
)
def test_pictures_without_color_have_one_channel_whatever_their_mode(tmp_path, mode, blue, channels) -> None:
    put(
        tmp_path / "x",
        {"train/a/0.png": picture(mode="L"), "train/b/0.png": picture(shade=(90, 90, blue), mode=mode),
         "test/a/0.png": picture()},
    )  # fmt: skip
    found = describe(tmp_path / "x", "x", tmp_path)
    assert found.block["channels"] == channels == len(found.block["mean"])


def shard(path: Path, labels: list) -> None:
    data = io.BytesIO()
    picture().save(data, "png")
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": data.getvalue(), "path": None}] * len(labels)
    pq.write_table(pa.table({"image": rows, "label": labels}), path)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([0, 2, 1, 2], ("0", "1", "2")), (["ox", "hen", "ox", "ape"], ("ape", "hen", "ox"))],
)
def test_parquet_in_shards_that_lies_elsewhere(tmp_path: Path, labels: list, classes: tuple) -> None:
    folder = tmp_path / "elsewhere"
    shard(folder / "data/train-00000-of-00002.parquet", labels[:2])
    shard(folder / "data/train-00001-of-00002.parquet", labels[2:])
    shard(folder / "data/test-00000-of-00001.parquet", labels[:1])
    found = describe(folder, "leaves", tmp_path / "01_raw")
    assert found.block["source"] == "parquet"
    assert found.block["options"] == {
        "train": "data/train*.parquet", "test": "data/test-00000-of-00001.parquet", "folder": str(folder),
    }  # fmt: skip
    assert (found.classes, found.block["num_classes"]) == (classes, 3)
    train, test = load(found, "leaves", tmp_path / "01_raw")
    assert (len(train), len(test)) == (4, 1)


def test_shards_that_one_pattern_does_not_take_are_named(tmp_path: Path) -> None:
    for name in ("a/train-0.parquet", "b/train-1.parquet", "a/test.parquet"):
        shard(tmp_path / "x" / name, [0, 1])
    with pytest.raises(UserError, match=r"a/train\*\.parquet, does not take b/train-1\.parquet"):
        describe(tmp_path / "x", "x", tmp_path)


def test_a_picture_of_unknown_white_is_not_called_damaged(tmp_path: Path) -> None:
    put(tmp_path / "x", {"train/a/0.png": picture(), "test/a/0.png": picture()})
    Image.fromarray(np.full((40, 40), 7.5, np.float32)).save(tmp_path / "x/train/a/1.tif")
    with pytest.raises(UserError, match=r"1\.tif cannot be used, as"):
        describe(tmp_path / "x", "x", tmp_path)


def test_of_many_pictures_some_are_looked_at(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("backdoor_pipeline.data.describe.SAMPLE", 4)
    put(tmp_path / "x", {f"train/a/{i}.png": picture(size=(30 + i, 50)) for i in range(9)})
    put(tmp_path / "x", {"train/b/0.png": picture(), "test/b/0.png": picture()})
    assert sum(describe(tmp_path / "x", "x", tmp_path).sizes.values()) == 4, "every third of ten"


def test_what_cannot_be_described_is_said(tmp_path: Path) -> None:
    put(tmp_path / "x", {"train/a/0.png": picture()})
    with pytest.raises(UserError, match=r"needs `train/<class>/<picture>` and `test/"):
        describe(tmp_path / "x", "x", tmp_path)
    put(tmp_path / "x", {"test/a/0.png": picture()})
    (tmp_path / "x/train/a/0.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"0\.png is damaged"):
        describe(tmp_path / "x", "x", tmp_path)
