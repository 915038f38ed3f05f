"""What a trigger's training has to know of how images are stored."""

from torch import Tensor

LEVELS = 255


def as_stored(images: Tensor) -> Tensor:
    """Images as uint8 would store them, in [0, 1], with gradients as if rounding changed nothing.

    Args:
        images: float, of any shape; cut off at 0 and 1, where the gradient ends.
    """
    clamped = images.clamp(0, 1)
    return clamped + ((clamped * LEVELS).round() / LEVELS - clamped).detach()
