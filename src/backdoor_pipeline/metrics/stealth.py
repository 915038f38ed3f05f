"""How visible a trigger is: PSNR, SSIM, L2 and L-infinity between clean and triggered images."""

import torch
from torch import Tensor

WINDOW, SIGMA = 11, 1.5  # the Gaussian window of Wang et al., 2004
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
BATCH_VALUES = 2**21  # pixel values compared at a time: some 0.3 GB with the maps that SSIM needs


def stealth(clean: Tensor, triggered: Tensor) -> dict[str, float | None]:
    """Means over images of four distances between each clean image and its triggered version.

    Args:
        clean: uint8, (N, C, H, W).
        triggered: uint8, (N, C, H, W), the same images with the trigger.

    Returns:
        `psnr` in dB, over the images that changed at all (an unchanged one has an infinite PSNR), None if
        none did; `ssim` in -1..1; `l2` and `linf` of the change with pixel values in 0..1; `unchanged`,
        the share of images that the trigger left as they were.

    Raises:
        ValueError: the two do not pair up as uint8 images, or there are none.
    """
    _check_pairs(clean, triggered)
    size = max(1, BATCH_VALUES // clean[0].numel())
    batches = [_distances(a, b) for a, b in zip(clean.split(size), triggered.split(size), strict=True)]
    psnr, ssim_, l2, linf = torch.cat(batches, dim=1)
    changed = linf > 0
    return {
        "psnr": float(psnr[changed].mean()) if changed.any() else None,
        "ssim": float(ssim_.mean()),
        "l2": float(l2.mean()),
        "linf": float(linf.mean()),
        "unchanged": float((~changed).double().mean()),
    }


def ssim(clean: Tensor, triggered: Tensor) -> Tensor:
    """Structural similarity of each pair (Wang et al., 2004, equation 13), averaged over channels.

    The Gaussian window is 11 pixels wide and stays inside the image; on an image smaller than that it
    shrinks to the largest odd width that fits.

    Args:
        clean: uint8, (N, C, H, W).
        triggered: uint8, (N, C, H, W).

    Returns:
        float64, (N,), on the CPU, -1..1; 1 for identical images.
    """
    x, y = _exact(clean), _exact(triggered)
    window = min(WINDOW, *(side - 1 + side % 2 for side in x.shape[-2:]))
    mean_x, mean_y = _blur(x, window), _blur(y, window)
    var_x, var_y = _blur(x * x, window) - mean_x**2, _blur(y * y, window) - mean_y**2
    covariance = _blur(x * y, window) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2 * covariance + C2) / (var_x + var_y + C2)
    return (luminance * structure).mean(dim=(1, 2, 3))


def _distances(clean: Tensor, triggered: Tensor) -> Tensor:
    """PSNR, SSIM, L2 and L-infinity of each pair: float64, (4, n)."""
    change = ((_exact(triggered) - _exact(clean)) / 255).flatten(1)
    psnr = -10 * change.square().mean(dim=1).log10()
    return torch.stack([psnr, ssim(clean, triggered), change.norm(dim=1), change.abs().amax(dim=1)])


def _exact(images: Tensor) -> Tensor:
    # in float32, a trainer's choice of TF32 or bf16 products would change what is measured here
    return images.cpu().double()


def _blur(images: Tensor, width: int) -> Tensor:
    """The Gaussian-weighted local mean wherever the window fits: rows, then columns."""
    height, breadth = images.shape[-2:]
    down, across = (_sliding_window(side, width) for side in (height, breadth))
    return down @ (images @ across.T)


def _sliding_window(side: int, width: int) -> Tensor:
    """The window at each place it fits along a side, as a banded matrix: (side - width + 1, side).

    Multiplying by it is several times as fast on a CPU as a convolution of single planes.
    """
    offsets = torch.arange(width, dtype=torch.float64) - width // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    places = side - width + 1
    start = torch.arange(places).unsqueeze(1)
    matrix = torch.zeros(places, side, dtype=torch.float64)
    columns = start + torch.arange(width)
    return matrix.scatter_(1, columns, (weights / weights.sum()).expand(places, width))


def _check_pairs(clean: Tensor, triggered: Tensor) -> None:
    if clean.shape != triggered.shape or clean.ndim != 4 or not len(clean):
        raise ValueError(f"pairs of images were expected, not {(*clean.shape,)} and {(*triggered.shape,)}")
    if clean.dtype != torch.uint8 or triggered.dtype != torch.uint8:
        raise ValueError("images must be uint8, 0..255")
