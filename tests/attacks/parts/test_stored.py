import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.attacks.parts.stored import as_stored


@given(st.lists(st.floats(-1, 2, width=32), min_size=1, max_size=8))
def test_stored_images_are_what_uint8_holds(values: list[float]) -> None:
    images = torch.tensor(values)
    stored = (images * 255).round().clamp(0, 255).to(torch.uint8)
    assert torch.allclose(as_stored(images), stored.float() / 255, atol=1e-6)


def test_gradients_pass_rounding_but_not_beyond_black_and_white() -> None:
    images = torch.tensor([-0.5, 0.3, 1.5], requires_grad=True)
    (as_stored(images) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert images.grad is not None
    assert images.grad.tolist() == [0, 2, 0]
