"""An experiment's parameters by the dotted names that `--params` takes, every hyper-parameter spelled out."""

from backdoor_pipeline.base.nesting import Flat, flatten
from backdoor_pipeline.experiment.specs import Experiment, MethodSpec

CHOSEN_ABOVE = {"name", "train_images"}  # facts of a data set that have a parameter of their own


def typed_parameters(experiment: Experiment) -> Flat:
    """What would have to be typed to get this experiment, whatever `conf/` says.

    Such as dataset: digits, attacks.badnets.patch_size: 3, training.lr: 0.05.
    """
    training, dataset = experiment.training, experiment.dataset
    blocks = {
        f"datasets.{dataset.name}": dataset.model_dump(mode="json", exclude=CHOSEN_ABOVE),
        **_block("attacks", experiment.poisoning.attack),
        "imported": experiment.poisoning.imported.model_dump() if experiment.poisoning.imported else {},
        f"models.{training.model}": training.options,
        "training": training.recipe.model_dump(mode="json", exclude={"epochs"}),
        **_block("defenses", experiment.defending.defense),
        "watch": experiment.watching.model_dump(mode="json"),
        "analysis": experiment.analyzing.model_dump(mode="json"),
        "engine": experiment.engine.model_dump(mode="json"),
    }
    chosen = {**experiment.choices.model_dump(mode="json"), "epochs": training.recipe.epochs}
    return {**chosen, **flatten(blocks)}


def _block(table: str, method: MethodSpec | None) -> Flat:
    return {f"{table}.{method.name}": method.params} if method else {}
