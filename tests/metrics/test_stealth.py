import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backdoor_pipeline.metrics.stealth import ssim, stealth


def noise(*shape, seed=0):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def ssim_of_one_plane(x, y, width=11):
    """The formula of Wang et al., window by window, in float64."""
    x, y = x.numpy().astype(float), y.numpy().astype(float)
    row, column = np.mgrid[:width, :width] - width // 2
    w = np.exp(-(row**2 + column**2) / (2 * 1.5**2))
    w /= w.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for i in range(x.shape[0] - width + 1):
        for j in range(x.shape[1] - width + 1):
            a, b = x[i : i + width, j : j + width], y[i : i + width, j : j + width]
            ma, mb = (w * a).sum(), (w * b).sum()
            va, vb = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum()
            cov = (w * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return np.mean(values)


def a_pair(kind):
    clean = noise(2, 3, 20, 16)
    if kind == "noise":
        return clean, noise(2, 3, 20, 16, seed=1)
    if kind == "patch":
        triggered = clean.clone()
        triggered[..., -3:, -3:] = 255
        return clean, triggered
    flat = torch.full_like(clean, 250)  # nearly constant: rounding would show here
    return flat, flat - (clean % 2)


@pytest.mark.parametrize("kind", ["noise", "patch", "flat"])
def test_ssim_is_the_formula(kind):
    clean, triggered = a_pair(kind)
    slow = [
        np.mean([ssim_of_one_plane(a, b) for a, b in zip(x, y, strict=True)])
        for x, y in zip(clean, triggered, strict=True)
    ]
    assert ssim(clean, triggered).numpy() == pytest.approx(np.array(slow), abs=1e-9)


def test_ssim_of_an_image_smaller_than_the_window():
    clean, triggered = noise(1, 1, 8, 9), noise(1, 1, 8, 9, seed=1)
    assert ssim(clean, triggered).item() == pytest.approx(
        ssim_of_one_plane(clean[0, 0], triggered[0, 0], 7), abs=1e-9
    )


def test_a_white_patch_on_black_by_hand():
    clean = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    triggered = clean.clone()
    triggered[0, :, -3:, -3:] = 255  # the second image stays as it was
    result = stealth(clean, triggered)
    assert result["psnr"] == pytest.approx(10 * math.log10(32 * 32 / 9), rel=1e-6)
    assert result["l2"] == pytest.approx(math.sqrt(27) / 2, rel=1e-6)
    assert result["linf"] == 0.5
    assert result["unchanged"] == 0.5


def test_identical_images():
    images = noise(3, 1, 28, 28)
    result = stealth(images, images)
    assert result == {"psnr": None, "ssim": pytest.approx(1, abs=1e-6), "l2": 0, "linf": 0, "unchanged": 1}


@settings(max_examples=20)
@given(st.integers(0, 2**16), st.integers(1, 60))
def test_a_stronger_change_is_more_visible(seed, strength):
    clean = noise(2, 3, 16, 16, seed=seed) // 2
    weak, strong = stealth(clean, clean + strength), stealth(clean, clean + 2 * strength)
    assert weak["psnr"] > strong["psnr"]
    assert weak["ssim"] > strong["ssim"]
    assert weak["l2"] * 2 == pytest.approx(strong["l2"], rel=1e-5)
    assert weak["linf"] == pytest.approx(strength / 255)


def test_batches_do_not_change_the_means(monkeypatch):
    clean, triggered = noise(7, 3, 16, 16), noise(7, 3, 16, 16, seed=1)
    whole = stealth(clean, triggered)
    monkeypatch.setattr("backdoor_pipeline.metrics.stealth.BATCH_VALUES", 2 * 3 * 16 * 16)
    assert stealth(clean, triggered) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize(
    ("clean", "triggered"),
    [
        (noise(2, 3, 8, 8), noise(1, 3, 8, 8)),
        (noise(0, 3, 8, 8), noise(0, 3, 8, 8)),
        (noise(3, 8, 8), noise(3, 8, 8)),
        (noise(2, 3, 8, 8).float(), noise(2, 3, 8, 8)),
    ],
)
def test_what_is_not_a_pair_of_uint8_batches_is_refused(clean, triggered):
    with pytest.raises(ValueError, match=r"expected|uint8"):
        stealth(clean, triggered)
