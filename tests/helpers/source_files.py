"""Small data sets in the exact on-disk formats, for the tests of sources and of fetching."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from backdoor_pipeline.data.spec import ImageSpec


def make_spec(source: str, size: int = 32, channels: int = 3, classes: int = 10, **options: str) -> ImageSpec:
    """A spec for a test set named like its source."""
    return ImageSpec.model_validate(
        {
            "name": source,
            "source": source,
            "options": options,
            "num_classes": classes,
            "image_size": size,
            "channels": channels,
            "mean": (0.5,) * channels,
            "std": (0.5,) * channels,
            "augmentation": {"crop_padding": 0, "horizontal_flip": False},
        }
    )


def encode(pixels: np.ndarray, kind: str = "PNG", **settings: object) -> bytes:
    """Pixels (H, W) or (H, W, 3) as an encoded picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **settings)
    return buffer.getvalue()


def flat(color: tuple[int, int, int], size: int = 32) -> np.ndarray:
    """A picture of one color."""
    return np.full((size, size, 3), color, dtype=np.uint8)


def write(path: Path, data: bytes | str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def idx(array: np.ndarray) -> bytes:
    """An idx file: magic number (type 8, rank), big-endian sizes, values."""
    return (
        struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    )


def write_mnist(folder: Path, *, zipped: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Three training and two test images; returns the training ones."""
    images = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 251
    labels = np.array([7, 0, 9])
    for prefix, n in (("train", 3), ("t10k", 2)):
        for kind, array in (("images-idx3", images[:n]), ("labels-idx1", labels[:n])):
            name = f"{prefix}-{kind}-ubyte" + (".gz" if zipped else "")
            write(folder / name, gzip.compress(idx(array)) if zipped else idx(array))
    return images, labels


def cifar_record(labels: list[int], red: int, green: int, blue: int) -> bytes:
    """Label bytes, then the red, green and blue planes; the very first pixel is 255, 254, 253."""
    planes = [bytes([255 - n]) + bytes([value]) * 1023 for n, value in enumerate((red, green, blue))]
    return bytes(labels) + b"".join(planes)


CIFAR10_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def write_cifar10(folder: Path) -> Path:
    """Batch n holds one image of label n, of color (n, 10 n, 20 n); returns the folder of batches."""
    root = folder / "cifar-10-batches-bin"
    for n in range(1, 6):
        write(root / f"data_batch_{n}.bin", cifar_record([n], n, 10 * n, 20 * n))
    write(root / "test_batch.bin", cifar_record([0], 1, 2, 3) + cifar_record([9], 4, 5, 6))
    write(root / "batches.meta.txt", "\n".join(CIFAR10_NAMES) + "\n\n")
    return root
