"""Encoded pictures (JPEG, PNG, WebP, PPM, ...) to uint8 tensors of one size, in a pool of threads."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from backdoor_pipeline.data.picture import is_turned, read_picture

warnings.filterwarnings("ignore", "The image decoding and encoding capabilities", DeprecationWarning)

METADATA = (b"Exif\0\0", b"EXIF", b"Orientation")  # one of these is in a picture that has to be turned
CHUNK = 64  # pictures per task, at most: small ones decode in 30 µs, less than handing over a task costs
TASKS = 4  # for each thread, at least: a batch of photographs keeps them all at work until its end
T = TypeVar("T")


def decode(data: bytes, shape: tuple[int, int, int], *, stretch: bool = False) -> Tensor:
    """One encoded picture as uint8 (C, H, W), its colors as `picture.as_seen` says.

    Args:
        data: the encoded picture.
        shape: (C, H, W) to return, H = W. A picture of another size is resized (bilinear, antialiased).
        stretch: squeeze the whole picture into the square; otherwise its shorter side is fitted and the
            middle kept.

    Raises:
        PictureError: if the bytes are not a whole picture, or an unclear one.
    """
    channels, size, _ = shape
    image = _decode_fast(data) if channels == 3 else None
    if image is None:
        image = to_tensor(read_picture(data), channels)
    if image.shape[1:] == (size, size):
        return image
    from torchvision.transforms.v2 import functional as transforms  # takes 1.5 s; most sets never need it

    fitted: Tensor = transforms.resize(image, [size, size] if stretch else [size], antialias=True)
    square: Tensor = transforms.center_crop(fitted, [size, size])
    return square


def to_tensor(picture: Image.Image, channels: int) -> Tensor:
    """A picture as uint8 (C, H, W), C = 1 (gray) or 3 (RGB)."""
    pixels = torch.from_numpy(np.array(picture.convert("RGB" if channels == 3 else "L")))
    return pixels.view(*pixels.shape[:2], channels).permute(2, 0, 1)


def _decode_fast(data: bytes) -> Tensor | None:
    """JPEG and WebP by torchvision: the same pixels as Pillow's in a fifth of the time; None for the rest.

    Not its PNG decoder, which crashes the process on some damaged files. Pictures that have to be turned, or
    with a fourth channel (transparency, black ink), are the rest too.
    """
    if data[:3] == b"\xff\xd8\xff":
        kind = "JPEG"
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "WEBP"
    else:
        return None
    decoder = fast_decoders().get(kind)
    if decoder is None:
        return None
    if any(mark in data for mark in METADATA) and is_turned(data):
        return None
    try:
        image: Tensor = decoder(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    except RuntimeError:  # damaged, or of a kind that this build leaves out: Pillow decides
        return None
    return image.expand(3, -1, -1) if len(image) in (1, 3) else None


@cache
def fast_decoders() -> dict[str, Callable[[Tensor], Tensor]]:
    """torchvision's, by format. Importing it takes seconds, which only sets of such pictures are to pay.

    It means to drop them, from 0.29 on with a warning: then there are none, and Pillow decodes all.
    """
    try:
        from torchvision.io import decode_jpeg, decode_webp
    except ImportError:
        return {}
    return {"JPEG": decode_jpeg, "WEBP": decode_webp}


def decode_into(
    out: Tensor, rows: Sequence[T], read: Callable[[T], Tensor], bar: "tqdm | None" = None
) -> None:
    """Fill `out` (n, C, H, W) with the picture of each row, on every core."""
    size = chunk_size(len(rows), os.cpu_count() or 1)

    def fill(start: int) -> int:
        chunk = rows[start : start + size]
        torch.stack([read(row) for row in chunk], out=out[start : start + len(chunk)])
        return len(chunk)

    for done in _pool().map(fill, range(0, len(rows), size)):
        if bar is not None:
            bar.update(done)


def chunk_size(pictures: int, threads: int) -> int:
    """How many pictures one task decodes."""
    return max(1, min(CHUNK, pictures // (TASKS * threads)))


def progress(total: int, what: str) -> "tqdm":
    """A bar for decoding that takes more than two seconds; nothing when not on a terminal."""
    return tqdm(total=total, desc=f"decoding {what}", unit=" images", delay=2, disable=None)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode")
