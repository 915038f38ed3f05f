"""The node that poisons a data set."""

from typing import Any

from torch import Tensor

from backdoor_pipeline.attacks import Trigger
from backdoor_pipeline.attacks.networks import Networks, Prepared
from backdoor_pipeline.attacks.poisoning import poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.images import Images, ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.specs import Poisoning
from backdoor_pipeline.metrics.stealth import stealth
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of
from backdoor_pipeline.training import Engine

STEALTH_IMAGES = 1000  # images of each kind that the stealth metrics are averaged over


def poison_dataset(
    clean_train: ImageSet,
    clean_test: ImageSet,
    attacker_networks: Networks,
    dataset: DatasetSpec,
    poisoning: Poisoning,
    engine: Engine,
) -> tuple[PoisonedRows, PoisonedRows, Trigger, dict[str, Any]]:
    """Craft the attack's trigger, poison the training set and trigger the test set.

    Returns:
        The changed training rows, the triggered test images, the trigger, metrics.
    """
    spec = poisoning.attack
    if spec is None:
        nothing = PoisonedRows.empty(clean_train.image_shape)
        counts = dict.fromkeys(("poisoned_images", "cross_images", "triggered_images"), 0)
        return nothing, nothing, NoTrigger(), {**counts, "seconds": 0.0}
    env = attack_env(spec, dataset, engine, Prepared(attacker_networks))
    with Stopwatch() as clock:
        made = poison(
            attack_of(spec), clean_train, clean_test, env, poison_target_class=spec.poison_target_class
        )
    planted = made.train.of_role("poisoned")
    metrics = {
        "poisoned_images": len(planted),
        "cross_images": len(made.train) - len(planted),
        "triggered_images": len(made.test),
        **_stealth("", clean_test.images, made.test),
        **_stealth("train_", clean_train.images, planted),
        "seconds": clock.seconds,
    }
    return made.train, made.test, made.trigger, metrics


def _stealth(prefix: str, clean: Images, rows: PoisonedRows) -> dict[str, float | None]:
    """How visible the changes are; clean-label attacks change training images otherwise than test ones."""
    shown = slice(0, STEALTH_IMAGES)
    originals: Tensor = clean[rows.index[shown]]
    distances = stealth(originals, rows.images[shown])
    return {f"{prefix}{name}": value for name, value in distances.items()}
