"""The node that trains the victim's model."""

from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows, overlay
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment import Training
from backdoor_pipeline.models import build_model, model_options
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.scoring import score
from backdoor_pipeline.training import Engine, Trainer


def train_victim(
    clean_train: ImageSet,
    clean_test: ImageSet,
    poisoned_train: PoisonedRows,
    poisoned_test: PoisonedRows,
    dataset: DatasetSpec,
    training: Training,
    engine: Engine,
    checkpoints: Path,
) -> tuple[Classifier, pd.DataFrame, dict[str, Any]]:
    """Train a model on the poisoned set, as a victim would, and watch C-Acc and ASR epoch by epoch.

    Returns:
        The (backdoored) model, its history (one row per epoch), metrics of the last epoch.
    """
    trainer = Trainer(engine, dataset.augmentation)
    model = build_model(
        training.model,
        num_classes=dataset.num_classes,
        channels=dataset.channels,
        image_size=dataset.image_size,
        mean=dataset.mean,
        std=dataset.std,
        seed=training.seed,
        options=model_options(training.model, training.options),
    )

    def watch(epoch: int, model: nn.Module) -> dict[str, float]:
        if epoch % engine.evaluate_every and epoch != training.recipe.epochs:
            return {}
        return score(trainer, model, clean_test, poisoned_test).model_dump(exclude_none=True)

    history = trainer.fit(
        model,
        overlay(clean_train, poisoned_train),
        training.recipe,
        seed=training.seed,
        on_epoch=watch,
        checkpoint=checkpoints / "train.safetensors",
    )
    frame = pd.DataFrame(history)
    last = {name: value for name, value in history[-1].items() if name not in ("epoch", "seconds")}
    how = {"device": str(trainer.device), "precision": trainer.precision}
    return model, frame, {**last, **how, "epochs": len(frame), "seconds": float(frame["seconds"].sum())}
