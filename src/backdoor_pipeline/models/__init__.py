"""Image classifiers: architectures by name, and their safetensors form."""

from backdoor_pipeline.models import cifar_resnet, preact_resnet, torchvision_models
from backdoor_pipeline.models.build import build_model
from backdoor_pipeline.models.classifier import Classifier, ModelDescription
from backdoor_pipeline.models.files import check_model, load_model, save_model
from backdoor_pipeline.models.registry import (
    ModelOptions,
    StemOptions,
    model_names,
    model_options,
    register,
)

FAMILIES = (cifar_resnet, preact_resnet, torchvision_models)  # importing a family registers its architectures

__all__ = [
    "Classifier",
    "ModelDescription",
    "ModelOptions",
    "StemOptions",
    "build_model",
    "check_model",
    "load_model",
    "model_names",
    "model_options",
    "register",
    "save_model",
]
