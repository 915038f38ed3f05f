"""Classifiers of images and of texts: architectures by name, and their safetensors form."""

from backdoor_pipeline.models import cifar_resnet, preact_resnet, text_models, torchvision_models
from backdoor_pipeline.models.build import build_model
from backdoor_pipeline.models.classifier import Classifier, ImageClassifier, ModelDescription
from backdoor_pipeline.models.files import check_model, load_model, save_model
from backdoor_pipeline.models.registry import (
    ModelOptions,
    StemOptions,
    model_names,
    model_options,
    register,
)
from backdoor_pipeline.models.text_classifier import AnyDescription, TextClassifier, TextDescription
from backdoor_pipeline.models.wrapping import WrappedClassifier, wrap

FAMILIES = (cifar_resnet, preact_resnet, text_models, torchvision_models)  # importing one registers its own

__all__ = [
    "AnyDescription",
    "Classifier",
    "ImageClassifier",
    "ModelDescription",
    "ModelOptions",
    "StemOptions",
    "TextClassifier",
    "TextDescription",
    "WrappedClassifier",
    "build_model",
    "check_model",
    "load_model",
    "model_names",
    "model_options",
    "register",
    "save_model",
    "wrap",
]
