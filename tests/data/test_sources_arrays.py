"""Sources whose files are arrays: digits, MNIST, CIFAR, SVHN."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.source_files import (
    CIFAR10_NAMES,
    cifar_record,
    idx,
    make_spec,
    write,
    write_cifar10,
    write_mnist,
)
from scipy.io import savemat

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources import load_split, mnist
from backdoor_pipeline.data.sources.digits import split_rows
from backdoor_pipeline.experiment.resolve import dataset_spec


def test_digits_are_whole_balanced_and_always_the_same(tmp_path: Path):
    train, test = (load_split(make_spec("digits"), tmp_path, split) for split in ("train", "test"))
    assert len(train) == 1347
    assert len(test) == 450
    assert train.image_shape == (3, 32, 32)
    assert torch.all(
        (train.labels.bincount() / (train.labels.bincount() + test.labels.bincount()) - 0.75).abs() < 0.004
    )
    assert (int(train.images.min()), int(train.images.max())) == (0, 255)
    again = load_split(make_spec("digits"), tmp_path, "test")
    assert torch.equal(again.images, test.images)
    assert torch.equal(again.labels, test.labels)
    torch.manual_seed(1)  # not of the experiment's making
    assert torch.equal(load_split(make_spec("digits"), tmp_path, "test").labels, test.labels)


def test_digits_at_their_own_size_are_the_original_in_two_disjoint_parts(tmp_path: Path):
    from sklearn.datasets import load_digits

    spec = make_spec("digits", size=8, channels=1)
    parts = [load_split(spec, tmp_path, split).images[:, 0] for split in ("train", "test")]
    loaded = sorted(map(bytes, torch.cat(parts).reshape(-1, 64).numpy()))
    original = np.round(load_digits().data * 255 / 16).astype(np.uint8)
    assert loaded == sorted(map(bytes, original))


def test_the_digits_of_the_test_split_are_fixed_and_drawn_for_each_class():
    """They are part of what the set is: with others, no result could be compared with an earlier one."""
    rows = split_rows(torch.arange(40) % 2, "test")
    assert rows.tolist() == [0, 2, 5, 12, 15, 17, 19, 27, 30, 38]
    assert split_rows(torch.arange(40) % 2, "train").tolist() == sorted({*range(40)} - {*rows.tolist()})


def test_digits_are_normalized_by_the_pixels_of_the_training_split(params, tmp_path: Path):
    spec = dataset_spec("digits", params["datasets"]["digits"])
    pixels = load_split(spec, tmp_path, "train").images.float() / 255
    assert spec.mean == (pytest.approx(pixels.mean().item(), abs=1e-4),) * 3
    assert spec.std == (pytest.approx(pixels.std().item(), abs=1e-4),) * 3


def test_digits_are_enlarged_bilinearly_from_the_middles_of_their_pixels(tmp_path: Path):
    from sklearn.datasets import load_digits

    spec = make_spec("digits", size=16, channels=1)
    data = load_digits()
    first = split_rows(torch.from_numpy(data.target), "test")[0]
    gray = data.images[first] * 255 / 16
    image = load_split(spec, tmp_path, "test").images[0, 0]
    above, below = (0.75 * gray[row, 3] + 0.25 * gray[row, 4] for row in (4, 5))
    assert image[0, 7] == round(0.75 * gray[0, 3] + 0.25 * gray[0, 4])
    assert image[9, 7] == round(0.75 * above + 0.25 * below)


@pytest.mark.parametrize("zipped", [True, False])
def test_mnist_pixels_and_labels(tmp_path: Path, zipped: bool):
    images, labels = write_mnist(tmp_path / "mnist", zipped=zipped)
    train = load_split(make_spec("mnist", 28, 1), tmp_path, "train")
    assert np.array_equal(train.images[:, 0], images)
    assert train.labels.tolist() == labels.tolist()
    assert train.labels.dtype == torch.int64
    assert train.classes == tuple("0123456789")
    assert len(load_split(make_spec("mnist", 28, 1), tmp_path, "test")) == 2


def test_fashion_mnist_prefers_what_was_fetched_to_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "package"
    images, _ = write_mnist(package)
    monkeypatch.setattr(mnist, "DEBIAN_FASHION", package)
    spec = make_spec("fashion_mnist", 28, 1)
    assert np.array_equal(load_split(spec, tmp_path, "train").images[:, 0], images)
    assert load_split(spec, tmp_path, "train").classes[9] == "Ankle boot"
    write_mnist(tmp_path / "fashion_mnist")
    write(tmp_path / "fashion_mnist/train-labels-idx1-ubyte.gz", gzip.compress(idx(np.array([1, 2, 3]))))
    assert load_split(spec, tmp_path, "train").labels.tolist() == [1, 2, 3]


def test_a_damaged_package_is_to_be_reinstalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_mnist(tmp_path / "package")
    write(tmp_path / "package/train-labels-idx1-ubyte.gz", b"no gzip")
    monkeypatch.setattr(mnist, "DEBIAN_FASHION", tmp_path / "package")
    with pytest.raises(UserError, match=r"train-labels.* reinstall the package `dataset-fashion-mnist`\."):
        load_split(make_spec("fashion_mnist", 28, 1), tmp_path, "train")


def test_missing_fashion_mnist_mentions_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mnist, "DEBIAN_FASHION", tmp_path / "absent")
    with pytest.raises(UserError, match=r"kedro data fetch fashion_mnist.*dataset-fashion-mnist"):
        load_split(make_spec("fashion_mnist", 28, 1), tmp_path, "train")


def _zipped_images() -> bytes:
    return gzip.compress(idx(np.zeros((3, 28, 28))))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_zipped_images()[:-20], "damaged"),
        (b"junk", "damaged"),
        (_zipped_images()[:12] + b"\xff" * 20 + _zipped_images()[32:], "damaged"),
        (gzip.compress(idx(np.zeros(3))), "not an idx file of 3 dimensions"),
        (gzip.compress(b""), "not an idx file"),
        (gzip.compress(idx(np.zeros((3, 28, 28)))[:-1]), "2351 values where its header says 2352"),
    ],
    ids=["cut", "not gzip", "bad deflate", "one dimension", "empty", "a value short"],
)
def test_damaged_mnist_names_the_file_and_the_fix(tmp_path: Path, data: bytes, reason: str):
    write_mnist(tmp_path / "mnist")
    path = write(tmp_path / "mnist/train-images-idx3-ubyte.gz", data)
    with pytest.raises(UserError) as error:
        load_split(make_spec("mnist", 28, 1), tmp_path, "train")
    assert str(path) in str(error.value)
    assert reason in str(error.value)
    assert "delete it and run `kedro data fetch mnist`" in str(error.value)
    assert "\n" not in str(error.value)


def test_mnist_with_fewer_labels_than_images_is_damaged(tmp_path: Path):
    write_mnist(tmp_path / "mnist")
    write(tmp_path / "mnist/train-labels-idx1-ubyte.gz", gzip.compress(idx(np.array([1, 2]))))
    with pytest.raises(UserError, match="2 labels for the 3 images"):
        load_split(make_spec("mnist", 28, 1), tmp_path, "train")


def test_cifar10_pixels_labels_and_names(tmp_path: Path):
    write_cifar10(tmp_path / "cifar10")
    train = load_split(make_spec("cifar10"), tmp_path, "train")
    assert train.labels.tolist() == [1, 2, 3, 4, 5]
    assert train.images[:, :, 0, 0].tolist() == [[255, 254, 253]] * 5
    assert train.images[2, :, 31, 31].tolist() == [3, 30, 60]
    assert train.classes == tuple(CIFAR10_NAMES)
    test = load_split(make_spec("cifar10"), tmp_path, "test")
    assert test.labels.tolist() == [0, 9]
    assert test.images[1, :, 5, 5].tolist() == [4, 5, 6]


def test_cifar100_takes_the_fine_label(tmp_path: Path):
    root = tmp_path / "cifar100/cifar-100-binary"
    write(root / "train.bin", cifar_record([3, 99], 1, 2, 3) + cifar_record([0, 42], 4, 5, 6))
    write(root / "fine_label_names.txt", "\n".join(f"class{n}" for n in range(100)))
    train = load_split(make_spec("cifar100", classes=100), tmp_path, "train")
    assert train.labels.tolist() == [99, 42]
    assert train.images[0, :, 1, 0].tolist() == [1, 2, 3]
    assert train.classes[42] == "class42"
    with pytest.raises(
        UserError, match=r"test\.bin is damaged \(absent\): delete .*cifar-100-binary and run"
    ):
        load_split(make_spec("cifar100", classes=100), tmp_path, "test")


@pytest.mark.parametrize("keep", [0, 3072, 3074])
def test_a_cifar_batch_of_part_of_a_record_is_damaged(tmp_path: Path, keep: int):
    root = write_cifar10(tmp_path / "cifar10")
    write(root / "data_batch_3.bin", (cifar_record([3], 1, 1, 1) * 2)[:keep])
    with pytest.raises(UserError, match=rf"data_batch_3\.bin is damaged \({keep} bytes .*fetch cifar10`\.$"):
        load_split(make_spec("cifar10"), tmp_path, "train")


def test_only_the_pickled_cifar_is_refused_by_name(tmp_path: Path):
    (tmp_path / "cifar10/cifar-10-batches-py").mkdir(parents=True)
    with pytest.raises(
        UserError, match=r"kedro data fetch cifar10` for the binary .*pickled, which is never read"
    ):
        load_split(make_spec("cifar10"), tmp_path, "train")


def _write_svhn(path: Path) -> np.ndarray:
    images = (np.arange(32 * 32 * 3 * 4) % 256).astype(np.uint8).reshape(32, 32, 3, 4)
    path.parent.mkdir(parents=True)
    savemat(path, {"X": images, "y": np.array([[1], [10], [9], [10]], dtype=np.uint8)}, do_compression=True)
    return images


def test_svhn_turns_label_ten_into_zero(tmp_path: Path):
    images = _write_svhn(tmp_path / "svhn/train_32x32.mat")
    train = load_split(make_spec("svhn"), tmp_path, "train")
    assert train.labels.tolist() == [1, 0, 9, 0]
    assert train.images[2, 1, 5, 7] == images[5, 7, 1, 2]
    assert train.images.shape == (4, 3, 32, 32)


def test_a_truncated_svhn_is_damaged(tmp_path: Path):
    path = tmp_path / "svhn/train_32x32.mat"
    _write_svhn(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"train_32x32\.mat is damaged .*kedro data fetch svhn"):
        load_split(make_spec("svhn"), tmp_path, "train")


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100", "svhn", "gtsrb", "tiny_imagenet"])
def test_a_missing_set_names_its_folder_and_the_command(tmp_path: Path, name: str):
    with pytest.raises(UserError) as error:
        load_split(make_spec(name), tmp_path, "train")
    assert str(error.value) == (
        f"data set '{name}' is not in {tmp_path / name}: run `kedro data fetch {name}`."
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classes": 11}, "has 10 classes, not 11: set `num_classes: 10`."),
        ({"size": 28}, "has images of 3x32x32 (channels, height, width), not 3x28x28"),
        ({"channels": 1}, "has images of 3x32x32 (channels, height, width), not 1x32x32"),
    ],
)
def test_a_set_unlike_its_settings_is_refused(tmp_path: Path, change: dict[str, int], sentence: str):
    write_cifar10(tmp_path / "cifar10")
    with pytest.raises(UserError) as error:
        load_split(make_spec("cifar10", **change), tmp_path, "train")
    assert sentence in str(error.value)


def test_labels_beyond_the_classes_are_refused(tmp_path: Path):
    root = write_cifar10(tmp_path / "cifar10")
    write(root / "test_batch.bin", cifar_record([10], 1, 1, 1))
    with pytest.raises(UserError, match="labels from 10 to 10, not within 0 to 9"):
        load_split(make_spec("cifar10"), tmp_path, "test")


def test_an_unknown_source_and_an_unknown_option_name_the_closest(tmp_path: Path):
    with pytest.raises(UserError, match="unknown data source 'cifar': did you mean 'cifar1"):
        load_split(make_spec("cifar"), tmp_path, "train")
    with pytest.raises(
        UserError, match="unknown option of data source 'digits' 'foldr': did you mean 'folder'"
    ):
        load_split(make_spec("digits", foldr="x"), tmp_path, "train")


def test_the_option_folder_moves_a_set(tmp_path: Path):
    write_cifar10(tmp_path / "elsewhere")
    assert len(load_split(make_spec("cifar10", folder="elsewhere"), tmp_path, "train")) == 5
    outside = make_spec("cifar10", folder=str(tmp_path / "elsewhere"))
    assert len(load_split(outside, Path("nowhere"), "train")) == 5
