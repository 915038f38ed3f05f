"""The node that poisons a data set."""

from typing import Any

from torch import Tensor

from backdoor_pipeline.attacks.networks import Networks, Prepared
from backdoor_pipeline.attacks.poisoning import Poison, poison
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import SampleSet, some_rows
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.stages import PoisonStage
from backdoor_pipeline.metrics.stealth import stealth
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of
from backdoor_pipeline.pipelines.shared.imported import imported_poison

STEALTH_IMAGES = 1000  # images of each kind that the stealth metrics are averaged over


def poison_dataset(
    clean: Splits, attacker_networks: Networks, stage: PoisonStage
) -> tuple[Poison, dict[str, Any]]:
    """Craft the attack's trigger, poison the training set and trigger the test set.

    Returns:
        The changed training rows, the triggered test images and the trigger; metrics.
    """
    spec = stage.poisoning.attack
    if stage.poisoning.imported:
        return _imported(imported_poison(clean, stage.poisoning.imported))
    if spec is None:
        counts = dict.fromkeys(("poisoned_images", "cross_images", "triggered_images"), 0)
        return Poison.none_of(clean.train), {**counts, "seconds": 0.0}
    env = attack_env(spec, stage.dataset, stage.engine, Prepared(attacker_networks))
    with Stopwatch() as clock:
        made = poison(
            attack_of(spec), clean.train, clean.test, env, poison_target_class=spec.poison_target_class
        )
    planted = made.train.of_role("poisoned")
    target = env.label_map.target
    metrics = {
        "target_class": None if target is None else clean.train.classes[target],  # by name
        "poisoned_images": len(planted),
        "cross_images": len(made.train) - len(planted),
        "triggered_images": len(made.test),
        **_stealth("", clean.test, made.test),
        **_stealth("train_", clean.train, planted),
        "seconds": clock.seconds,
    }
    return made, metrics


def _imported(made: Poison) -> tuple[Poison, dict[str, Any]]:
    """What is known of somebody else's poison: of the trigger, and of clean twins, nothing."""
    counts = {"poisoned_images": len(made.train.of_role("poisoned")), "triggered_images": len(made.test)}
    return made, {"target_class": None, **counts, "cross_images": 0, "seconds": 0.0}


def _stealth(prefix: str, clean: SampleSet, rows: PoisonedRows) -> dict[str, float | None]:
    """How visible the changes of images are; clean-label attacks change training images in another way."""
    if not isinstance(clean, ImageSet):
        return {}
    shown = some_rows(len(rows), STEALTH_IMAGES)
    originals: Tensor = clean.images[rows.index[shown]]
    distances = stealth(originals, rows.images[shown])
    return {f"{prefix}{name}": value for name, value in distances.items()}
