"""The node that poisons a data set."""

from typing import Any

from torch import Tensor

from backdoor_pipeline.attacks import ATTACKS, AttackEnv, Trigger
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.poisoning import poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.data.images import Images, ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment import Poisoning
from backdoor_pipeline.metrics.stealth import stealth
from backdoor_pipeline.timing import Stopwatch
from backdoor_pipeline.training import Engine, Trainer

STEALTH_IMAGES = 1000  # triggered test images that the stealth metrics are averaged over


def poison_dataset(
    clean_train: ImageSet, clean_test: ImageSet, dataset: DatasetSpec, poisoning: Poisoning, engine: Engine
) -> tuple[PoisonedRows, PoisonedRows, Trigger, dict[str, Any]]:
    """Craft the attack's trigger, poison the training set and trigger the test set.

    Returns:
        The changed training rows, the triggered test images, the trigger, metrics.
    """
    plan = poisoning.attack
    if plan is None:
        nothing = PoisonedRows.empty(clean_train.image_shape)
        return nothing, nothing, NoTrigger(), {"poisoned_images": 0, "triggered_images": 0, "seconds": 0.0}
    attack = ATTACKS[plan.name](**plan.params)
    label_map = LabelMap(plan.label_map, plan.target_label, dataset.num_classes)
    env = AttackEnv(Trainer(engine, dataset.augmentation), label_map, plan.seed)
    with Stopwatch() as clock:
        made = poison(
            attack,
            clean_train,
            clean_test,
            env,
            ratio=plan.poison_ratio,
            poison_target_class=plan.poison_target_class,
        )
    metrics = {
        "poisoned_images": len(made.train),
        "triggered_images": len(made.test),
        **_stealth(clean_test.images, made.test),
        "seconds": clock.seconds,
    }
    return made.train, made.test, made.trigger, metrics


def _stealth(clean: Images, rows: PoisonedRows) -> dict[str, float | None]:
    shown = slice(0, STEALTH_IMAGES)
    originals: Tensor = clean[rows.index[shown]]
    return stealth(originals, rows.images[shown])
