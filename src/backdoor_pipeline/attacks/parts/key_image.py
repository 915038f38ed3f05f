"""The picture that is blended into images: the cartoon drawn here, or one from a file."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.picture import PictureError, UnclearPictureError, read_picture
from backdoor_pipeline.data.sources.pictures import to_tensor

SAMPLES = 4  # places per pixel and side at which the drawing is looked at: smooth edges
Color = tuple[int, int, int]
NAVY, SKY, GOLD, CREAM, GREEN = (20, 30, 110), (60, 190, 240), (250, 190, 20), (255, 245, 210), (20, 150, 70)
RED, PINK, WHITE, BLACK = (215, 25, 45), (255, 110, 175), (255, 255, 255), (15, 10, 20)


def drawn_key(shape: tuple[int, int, int]) -> Tensor:
    """A cat's face on checks, stripes and rings: colorful and full of edges everywhere.

    The same picture at every size, as it is a function of the place in the unit square, averaged over each
    pixel; and on every machine, as sums, products and comparisons make it.

    Args:
        shape: (C, H, W), C = 1 or 3.

    Returns:
        uint8, (C, H, W), on the CPU.
    """
    channels, height, width = shape
    across, down = ((torch.arange(n * SAMPLES) + 0.5) / (n * SAMPLES) for n in (width, height))
    pixels = F.avg_pool2d(_drawing(across, down.unsqueeze(1)), SAMPLES).round().to(torch.uint8)
    return to_tensor(Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()), channels).contiguous()


def read_key(path: Path, shape: tuple[int, int, int]) -> Tensor:
    """The picture in a file as a person sees it, all of it, stretched to the images' size.

    Args:
        path: of a picture that `read_picture` reads.
        shape: (C, H, W), C = 1 or 3.

    Returns:
        uint8, (C, H, W), on the CPU.

    Raises:
        UserError: there is no such file, it is no picture, or an unclear one.
    """
    channels, height, width = shape
    if not path.is_file():
        raise UserError(f"attacks.blended.image: there is no file {path}; give a picture file, or null.")
    try:
        picture = read_picture(path.read_bytes()).convert("RGB")
    except UnclearPictureError as error:
        raise UserError(f"attacks.blended.image: {path} cannot be used, as {error}.") from error
    except (OSError, PictureError) as error:
        raise UserError(
            f"attacks.blended.image: {path} is not a picture that can be read; give a PNG or JPEG file."
        ) from error
    return to_tensor(picture.resize((width, height), Image.Resampling.BICUBIC), channels).contiguous()


def _drawing(x: Tensor, y: Tensor) -> Tensor:
    """The color at each place: float32, (3, H, W), 0..255.

    Args:
        x: to the right, in 0..1, (W,).
        y: down, in 0..1, (H, 1).
    """

    def disc(at: tuple[float, float], radius: float) -> Tensor:
        return (x - at[0]) ** 2 + (y - at[1]) ** 2 < radius**2

    def rings(at: tuple[float, float], outer: Color, inner: Color) -> list[tuple[Tensor, Color]]:
        return [(disc(at, 0.07 * size), inner if size % 2 else outer) for size in (4, 3, 2, 1)]

    checks = ((x * 6).floor() + (y * 6).floor()) % 2 == 0
    stripes = (x - y < -0.45) & (((x + y) * 5).floor() % 2 == 0)
    ears = (y > 0.12) & (y < 0.5) & (torch.minimum((x - 0.31).abs(), (x - 0.69).abs()) < (y - 0.12) / 2)
    face = disc((0.5, 0.55), 0.25)
    fringe = face & (y < 0.42) & ((x * 12).floor() % 2 == 0)
    layers = [
        (checks, NAVY),
        (stripes, GREEN),
        *rings((0.1, 0.1), GOLD, RED),
        *rings((0.9, 0.12), RED, WHITE),
        *rings((0.92, 0.9), PINK, BLACK),
        (ears | disc((0.5, 0.55), 0.29), BLACK),
        (face, CREAM),
        (fringe, GOLD),
        (disc((0.4, 0.52), 0.07) | disc((0.6, 0.52), 0.07), GREEN),
        (disc((0.4, 0.52), 0.035) | disc((0.6, 0.52), 0.035), BLACK),
        (disc((0.5, 0.64), 0.045), RED),
    ]
    picture = _filled(SKY).expand(3, len(y), len(x))
    for where, color in layers:
        picture = torch.where(where, _filled(color), picture)
    return picture


def _filled(color: Color) -> Tensor:
    return torch.tensor(color, dtype=torch.float32).view(3, 1, 1)
