"""Sources of encoded pictures: GTSRB, Tiny ImageNet, folders, and decoding itself."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from helpers.source_files import encode, flat, make_spec, write
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.picture import PictureError
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.sources import pictures as pictures_module
from backdoor_pipeline.data.sources.pictures import chunk_size, decode, decode_into
from backdoor_pipeline.data.sources.streaming import PictureFiles

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding")
NOISE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("kind", "settings"), [("PNG", {}), ("PPM", {}), ("BMP", {}), ("WEBP", {"lossless": True})]
)
def test_lossless_pictures_keep_every_pixel(kind: str, settings: dict[str, object]):
    assert np.array_equal(decode(encode(NOISE, kind, **settings), (3, 32, 32)), NOISE.transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_fast_decoder_and_pillow_agree(kind: str, monkeypatch: pytest.MonkeyPatch):
    data = encode(NOISE, kind, quality=80)
    fast = decode(data, (3, 32, 32))
    monkeypatch.setattr(pictures_module, "fast_decoders", dict)  # as where torchvision has dropped it
    assert torch.equal(decode(data, (3, 32, 32)), fast)


@pytest.mark.parametrize(
    ("pictures", "threads", "size"), [(128, 16, 2), (128, 2, 16), (5, 16, 1), (10_000, 2, 64)]
)
def test_small_pictures_are_decoded_many_at_a_time_and_a_batch_by_all_threads(pictures, threads, size):
    assert chunk_size(pictures, threads) == size


def test_a_batch_keeps_every_thread_at_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pictures_module.os, "cpu_count", lambda: 8)
    pool, all_here = ThreadPoolExecutor(8), Barrier(8, timeout=5)
    monkeypatch.setattr(pictures_module, "_pool", lambda: pool)

    def read(row: int) -> torch.Tensor:
        if row % 4 == 0:  # the first of each task
            all_here.wait()
        return torch.full((1, 2, 2), row, dtype=torch.uint8)

    out = torch.empty(128, 1, 2, 2, dtype=torch.uint8)
    decode_into(out, range(128), read)
    assert out[:, 0, 0, 0].tolist() == list(range(128))


def test_gray_becomes_rgb_and_rgb_becomes_gray():
    gray = encode(np.full((8, 8), 90, np.uint8), "JPEG")
    assert decode(gray, (3, 8, 8)).unique().tolist() == [90]
    red = decode(encode(flat((255, 0, 0), 8)), (1, 8, 8))
    assert red.shape == (1, 8, 8)
    assert red.unique().tolist() == [76]  # 0.299 of 255


def test_the_middle_is_kept_or_the_whole_is_stretched():
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = 200
    assert decode(encode(wide), (3, 4, 4)).unique().tolist() == [200]
    stretched = decode(encode(wide), (3, 4, 4), stretch=True)
    assert stretched[0, 0].tolist() == stretched[0, 0].flip(0).tolist()
    assert stretched[0, 0, 0] < 100 < stretched[0, 0, 1]


def test_shrinking_looks_at_all_pixels():
    stripes = np.tile(np.array([255, 0, 0, 255], np.uint8), (32, 8))
    small = decode(encode(stripes), (1, 8, 8)).int()
    assert (small[:, 1:-1, 1:-1] - 127).abs().max() < 50, "their mean, not what lies in the middle of four"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "PPM", "BMP"])
def test_half_a_picture_is_refused(kind: str):
    data = encode(NOISE, kind)
    with pytest.raises(PictureError):
        decode(data[: len(data) // 2], (3, 32, 32))


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff", b"RIFF0000WEBP", b"\x89PNG\r\n\x1a\n", b"P6"]),
)
def test_no_bytes_crash_the_decoder(junk: bytes, start: bytes):
    with suppress(PictureError):
        assert decode(start + junk, (3, 4, 4)).shape == (3, 4, 4)


def _write_gtsrb(folder: Path, train: str = "Final_Training/Images") -> None:
    root = folder / "GTSRB"
    for label, count in ((0, 2), (42, 1)):
        for n in range(count):
            picture = flat((label, 10 + n, 7), 20 + 5 * n)
            write(root / train / f"{label:05d}/00000_{n:05d}.ppm", encode(picture, "PPM"))
        write(root / train / f"{label:05d}/GT-{label:05d}.csv", "Filename;Width\n")
    for n in range(2):
        write(root / f"Final_Test/Images/{n:05d}.ppm", encode(flat((n, n, n), 40), "PPM"))
    header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"
    rows = "00001.ppm;40;40;1;1;30;30;42\n00000.ppm;40;40;1;1;30;30;5\n"
    write(folder / "GT-final_test.csv", header + rows)


@pytest.mark.parametrize("layout", ["Final_Training/Images", "Training"])
def test_gtsrb_train_and_test(tmp_path: Path, layout: str):
    _write_gtsrb(tmp_path / "gtsrb", layout)
    spec = make_spec("gtsrb", classes=43)
    train, test = (load_split(spec, tmp_path, split) for split in ("train", "test"))
    assert train.labels.tolist() == [0, 0, 42]
    assert train.images.shape == (3, 3, 32, 32)
    assert train.images[:, :, 16, 16].tolist() == [[0, 10, 7], [0, 11, 7], [42, 10, 7]]
    assert test.labels.tolist() == [42, 5]
    assert test.images[:, 0, 0, 0].tolist() == [1, 0]


FRAMED = np.zeros((16, 32, 3), np.uint8)  # white between black margins left and right
FRAMED[:, 8:24] = 255


@pytest.mark.parametrize("source", ["gtsrb", "folder", "parquet"])
def test_signs_are_stretched_and_other_pictures_are_cut(tmp_path: Path, source: str):
    picture, options = encode(FRAMED), {"train": "train", "test": "test"}
    if source == "gtsrb":
        options = {}
        write(tmp_path / "gtsrb/GTSRB/Final_Training/Images/00000/00000_00000.ppm", encode(FRAMED, "PPM"))
    elif source == "folder":
        write(tmp_path / "folder/train/a/0.png", picture)
        write(tmp_path / "folder/train/b/0.png", picture)
    else:
        (tmp_path / "parquet").mkdir()
        rows = [{"bytes": picture, "path": None}]
        pq.write_table(pa.table({"image": rows, "label": [0]}), tmp_path / "parquet/train")
    spec = make_spec(source, 16, classes=43 if source == "gtsrb" else 2, **options)
    row = load_split(spec, tmp_path, "train").images[0, 0, 8]
    assert (row[0], row[8]) == ((0, 255) if source == "gtsrb" else (255, 255))


def test_damaged_gtsrb(tmp_path: Path):
    _write_gtsrb(tmp_path / "gtsrb")
    spec = make_spec("gtsrb", classes=43)
    root = tmp_path / "gtsrb/GTSRB"
    (root / "Final_Test/Images/00000.ppm").unlink()
    with pytest.raises(
        UserError, match=r"00000\.ppm is damaged .*delete .*Final_Test/Images and run `kedro data"
    ):
        load_split(spec, tmp_path, "test")
    write(root / "Final_Training/Images/00042/00000_00000.ppm", b"P6 20 20 255 short")
    with pytest.raises(UserError, match=r"00042/00000_00000\.ppm is damaged \(not a whole picture\)"):
        load_split(spec, tmp_path, "train")
    write(tmp_path / "gtsrb/GT-final_test.csv", "Filename;Width\n00000.ppm;4\n")
    with pytest.raises(
        UserError, match=r"GT-final_test\.csv is damaged \(not a table with Filename and ClassId\)"
    ):
        load_split(spec, tmp_path, "test")


def _write_tiny(folder: Path) -> Path:
    root = folder / "tiny-imagenet-200"
    write(root / "wnids.txt", "n02\nn01\n")  # not in alphabetical order, as in the real one
    for wnid, color in (("n01", (10, 20, 30)), ("n02", (40, 50, 60))):
        for n in range(2):
            write(root / f"train/{wnid}/images/{wnid}_{n}.JPEG", encode(flat(color, 64), "JPEG", quality=100))
        write(root / f"train/{wnid}/{wnid}_boxes.txt", "x")
    write(root / "val/images/val_0.JPEG", encode(np.full((64, 64), 77, np.uint8), "JPEG"))
    write(root / "val/images/val_1.JPEG", encode(flat((40, 50, 60), 64), "JPEG", quality=100))
    write(root / "val/val_annotations.txt", "val_1.JPEG\tn02\t0\t0\t9\t9\nval_0.JPEG\tn01\t0\t0\t9\t9\n")
    return root


def test_tiny_imagenet_is_ordered_by_wnids_and_gray_becomes_rgb(tmp_path: Path):
    _write_tiny(tmp_path / "tiny_imagenet")
    spec = make_spec("tiny_imagenet", 64, classes=2)
    train, test = (load_split(spec, tmp_path, split) for split in ("train", "test"))
    assert train.classes == ("n02", "n01")
    assert train.labels.tolist() == [0, 0, 1, 1]
    assert (train.images[[0, 2], :, 9, 9].int() - torch.tensor([[40, 50, 60], [10, 20, 30]])).abs().max() <= 2
    assert test.labels.tolist() == [0, 1]
    assert test.images[1].unique().tolist() == [77]


def test_damaged_tiny_imagenet(tmp_path: Path):
    root = _write_tiny(tmp_path / "tiny_imagenet")
    spec = make_spec("tiny_imagenet", 64, classes=2)
    write(root / "val/val_annotations.txt", "val_1.JPEG\tn99\t0\n")
    with pytest.raises(
        UserError, match=r"val_annotations\.txt is damaged .*delete .*tiny-imagenet-200 and run"
    ):
        load_split(spec, tmp_path, "test")
    (root / "wnids.txt").unlink()
    with pytest.raises(UserError, match=r"wnids\.txt is damaged \(absent\)"):
        load_split(spec, tmp_path, "train")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for split, count in (("train", 4), ("val", 2)):
        for name, kind in (("dog", "JPEG"), ("cat", "PNG")):
            for n in range(count):
                size = (20 + 3 * n, 30, 3)
                picture = encode(rng.integers(0, 256, size, dtype=np.uint8), kind)
                write(tmp_path / f"folder/{split}/{name}/{n}.{kind}", picture)
    write(tmp_path / "folder/train/dog/notes.txt", "not a picture")
    write(tmp_path / "folder/train/.hidden/x.png", "not a class")
    return tmp_path


def _load_folder(raw: Path, split: str = "train", **options: str) -> ImageSet:
    spec = make_spec("folder", 16, classes=2, train="train", test="val", **options)
    return load_split(spec, raw, split)


def test_a_folder_is_sorted_by_class_and_name(pictures: Path):
    train, test = _load_folder(pictures), _load_folder(pictures, "test")
    assert train.classes == ("cat", "dog")
    assert train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert test.labels.tolist() == [0, 0, 1, 1]
    assert isinstance(train.images, torch.Tensor)
    assert train.image_shape == (3, 16, 16)


def test_streaming_equals_memory(pictures: Path):
    memory, stream = _load_folder(pictures), _load_folder(pictures, in_memory_gib="0")
    assert isinstance(stream.images, PictureFiles)
    assert stream.images.shape == memory.images.shape
    assert torch.equal(stream.images[:], memory.images)
    assert torch.equal(stream.images[2:7:2], memory.images[2:7:2])
    index = torch.tensor([5, 0, 5, -1])
    assert torch.equal(stream.images[index], memory.images[index])
    assert torch.equal(stream.images[stream.labels == 1], memory.images[memory.labels == 1])
    assert len(stream.images[torch.tensor([], dtype=torch.int64)]) == 0
    with pytest.raises(IndexError):
        stream.images[torch.tensor([8])]


def test_streaming_in_inference_mode(pictures: Path):
    memory, stream = _load_folder(pictures), _load_folder(pictures, in_memory_gib="0")
    with torch.inference_mode():
        assert torch.equal(stream.images[1:5], memory.images[1:5])


def test_streaming_take_reads_nothing_until_asked(pictures: Path):
    memory, stream = _load_folder(pictures), _load_folder(pictures, in_memory_gib="0")
    index = torch.tensor([6, 1, 1])
    view = stream.subset(index)
    write(pictures / "folder/train/cat/3.PNG", "broken")  # row 3: not in the view
    assert torch.equal(view.images[:], memory.images[index])
    assert torch.equal(view.subset(torch.tensor([1])).images[:], memory.images[[1]])
    assert view.labels.tolist() == [1, 0, 0]
    with pytest.raises(UserError, match=r"cat/3\.PNG is damaged \(not a whole picture\): replace it"):
        stream.images[2:5]


def test_the_memory_bound_is_of_decoded_bytes(pictures: Path):
    decoded = 8 * 3 * 16 * 16 / 2**30
    assert isinstance(_load_folder(pictures, in_memory_gib=str(decoded)).images, torch.Tensor)
    assert isinstance(_load_folder(pictures, in_memory_gib=str(decoded * 0.99)).images, PictureFiles)
    with pytest.raises(UserError, match="must be a number of GiB, not 'much'"):
        _load_folder(pictures, in_memory_gib="much")


def test_folder_mistakes_are_one_sentence(pictures: Path):
    write(pictures / "folder/val/bird/0.png", encode(NOISE))
    with pytest.raises(UserError, match=r"val/bird is no class of .*train: rename it or remove it"):
        _load_folder(pictures, "test")
    with pytest.raises(UserError, match=r"not in .*folder/validation: .*validation/<class>/<picture>"):
        load_split(make_spec("folder", train="train", test="validation"), pictures, "test")
    with pytest.raises(UserError, match="data set 'folder' needs the option 'test'"):
        load_split(make_spec("folder", train="train"), pictures, "train")
    (pictures / "folder/empty/cat").mkdir(parents=True)
    with pytest.raises(UserError, match="is empty: check its `options` and its files"):
        load_split(make_spec("folder", classes=2, train="train", test="empty"), pictures, "test")
