"""Building a model in one line."""

from backdoor_pipeline.models import Classifier, build_model, model_options
from backdoor_pipeline.models.registry import StemOptions, architecture


def build(name, *, classes=10, channels=3, size=32, stem="small", seed=0, pretrained=None) -> Classifier:
    """A model in evaluation mode; `stem` is left out where the architecture has none."""
    raw = {"pretrained": pretrained}
    if architecture(name).options is StemOptions:
        raw["stem"] = stem
    return build_model(
        name,
        num_classes=classes,
        channels=channels,
        image_size=size,
        mean=(0.5, 0.4, 0.3)[:channels],
        std=(0.2, 0.25, 0.3)[:channels],
        seed=seed,
        options=model_options(name, raw),
    ).eval()
