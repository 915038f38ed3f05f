"""Picture files as images: decoded when asked for, or all at once when they fit in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.picture import PictureError, UnclearPictureError
from backdoor_pipeline.data.sources.base import unclear, unreachable
from backdoor_pipeline.data.sources.pictures import decode, decode_into, progress

IN_MEMORY_GIB = 8.0  # a decoded split above it is streamed; the option `in_memory_gib` overrides it


@dataclass(frozen=True)
class PictureFiles:
    """A `StreamedImages`: one file per image, decoded by a pool of threads when its row is asked for.

    Attributes:
        paths: the N files.
        image_shape: (C, H, W) that every picture is brought to.
        error: makes the `UserError` for a damaged file.
        stretch: see `pictures.decode`.
    """

    paths: Sequence[Path]
    image_shape: tuple[int, int, int]
    error: Callable[[Path, object], UserError]
    stretch: bool = False

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return torch.Size((len(self.paths), *self.image_shape))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Tensor | slice, /) -> Tensor:
        """The images at these rows: uint8, (n, C, H, W), in the order asked for."""
        chosen = self.take(index)
        with torch.inference_mode(False):  # the threads that decode are not in that mode, and could not write
            images = torch.empty(chosen.shape, dtype=torch.uint8)
        decode_into(images, chosen.paths, self._read)
        return images

    def take(self, index: Tensor | slice) -> "PictureFiles":
        """A view of these rows, still unread."""
        rows = torch.arange(len(self))[index.cpu() if isinstance(index, Tensor) else index].tolist()
        return PictureFiles([self.paths[row] for row in rows], self.image_shape, self.error, self.stretch)

    def load(self, what: str) -> Tensor:
        """All images as one tensor, with a progress bar."""
        images = torch.empty(self.shape, dtype=torch.uint8)
        with progress(len(self), what) as bar:
            decode_into(images, self.paths, self._read, bar)
        return images

    def _read(self, path: Path) -> Tensor:
        try:
            return decode(path.read_bytes(), self.image_shape, stretch=self.stretch)
        except UnclearPictureError as error:
            raise unclear(path, error) from error
        except (FileNotFoundError, PictureError) as error:
            raise self.error(path, error) from error
        except OSError as error:
            raise unreachable(path, error) from error


def fits_in_memory(count: int, image_shape: tuple[int, int, int], options: dict[str, str]) -> bool:
    """Whether `count` decoded images stay within the option `in_memory_gib`, or `IN_MEMORY_GIB`.

    Raises:
        UserError: if the option is not a number.
    """
    limit = options.get("in_memory_gib", str(IN_MEMORY_GIB))
    try:
        bound = float(limit) * 2**30
    except ValueError:
        raise UserError(f"the option `in_memory_gib` must be a number of GiB, not '{limit}'.") from None
    return count * torch.Size(image_shape).numel() <= bound
