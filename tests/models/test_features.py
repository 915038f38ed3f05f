import torch

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import OverlaidImages, PoisonedRows
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.training import trainer as module


def small_model():
    return build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip


def test_the_head_makes_logits_of_them_and_the_model_is_left_as_it_was(
    make_set, trainer, monkeypatch
) -> None:
    monkeypatch.setattr(module, "PREDICT_BATCH", 7)
    model, images = small_model().train(), make_set(rows=16).images
    before = {name: value.clone() for name, value in model.state_dict().items()}
    features = penultimate(trainer, model, images)
    assert features.shape == (16, 64)
    assert features.dtype == torch.float32
    assert torch.allclose(model.head(features), trainer.logits(model, images), atol=1e-5)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), f"{name} changed"


def test_streamed_images_give_the_same(make_set, trainer) -> None:
    data: ImageSet = make_set(rows=10)
    streamed = OverlaidImages(data.images, PoisonedRows.empty(data.image_shape))
    model = small_model()
    assert torch.equal(penultimate(trainer, model, streamed), penultimate(trainer, model, data.images))


def test_no_images_have_no_features(trainer) -> None:
    features = penultimate(trainer, small_model(), torch.empty(0, 3, 32, 32, dtype=torch.uint8))
    assert features.shape == (0, 64)
