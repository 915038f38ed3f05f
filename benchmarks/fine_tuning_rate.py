"""The learning rate that `ft`, `fp` and `nad` share, by a rule that never sees a trigger or a test set.

For every seed a model is trained without any attack, on the training set less a part held back. Each
defense works on a copy of it at each rate, and the part held back, which neither has seen, says what that
cost. The rule takes the highest rate at which no defense costs more than a point: a backdoor withstands low
rates, and a defender can only know what high ones cost.

    python benchmarks/fine_tuning_rate.py dataset=digits
    python benchmarks/fine_tuning_rate.py dataset=fashion_mnist,train_images=12000 --seeds 100

Another setting of which more is stronger, such as the radius of `ft_sam`, is chosen alike:

    python benchmarks/fine_tuning_rate.py dataset=digits --methods ft_sam --setting ft_sam.rho --values 1 2 4

Images trusted by the defender do not do as judges: the model was trained on them. Nor do frames of a track
that it was trained on: hold back whole tracks (benchmarks/validation_split.py), let the data set's option
`test` name them, and say `--held-out 0`.
"""

import argparse
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from statistics import fmean

import yaml

from backdoor_pipeline.base.nesting import Nested, overlaid
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.defenses import DEFENSES, DefenderView
from backdoor_pipeline.defenses.clean_subset import draw_clean
from backdoor_pipeline.defenses.parts.held_out import right_answers, split_clean
from backdoor_pipeline.experiment.command_line import parse_params
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.pipelines.shared.attacking import new_model
from backdoor_pipeline.training import Trainer

CONF = Path(__file__).parents[1] / "conf/base/parameters"
METHODS = ("ft", "fp", "nad")
Costs = dict[tuple[str, float], float]  # of each defense at each value


def by_the_rule(costs: Mapping[tuple[str, float], float], margin: float) -> float | None:
    """The highest value up to which every defense costs at most `margin`; None: there is none.

    >>> by_the_rule({("ft", 0.01): 0.0, ("nad", 0.01): 0.002, ("ft", 0.1): 0.004, ("nad", 0.1): 0.2}, 0.01)
    0.01
    """
    within = None
    for value in sorted({value for _, value in costs}):
        if any(cost > margin for (_, tried), cost in costs.items() if tried == value):
            return within
        within = value
    return within


def splits(experiment: Experiment, folder: Path, share: float) -> tuple[ImageSet, ImageSet]:
    """What is trained on, and what judges."""
    train: ImageSet = load_split(experiment.dataset, folder, "train")
    if share == 0:
        return train, load_split(experiment.dataset, folder, "test")
    return split_clean(train, share, experiment.training.seed, "fine-tuning rate")


def costs_of_seed(params: Nested, args: argparse.Namespace) -> Costs:
    """What each defense takes from the clean accuracy, at each value of the setting."""
    experiment = resolve(params)
    dataset, training = experiment.dataset, experiment.training
    clean, judges = splits(experiment, args.data, args.held_out)
    trainer = Trainer(experiment.engine, dataset.augmentation)
    model = new_model(dataset, training)
    trainer.fit(model, clean, training.recipe, seed=training.seed)
    trusted = draw_clean(clean, experiment.choices.clean_ratio, training.seed)
    before = right_answers(trainer, model, judges).double().mean().item()
    found: Costs = {}
    for method in args.methods:
        for value in args.values:
            block, _, name = args.setting.partition(".")
            budget = {"datasets": {dataset.name: {"budget": {block: {name: value}}}}}
            spec = resolve(overlaid(params, {**budget, "defense": method})).defending.defense
            assert spec is not None
            view = DefenderView(
                deepcopy(model),
                clean,
                trusted,
                trainer,
                training.seed,
                lambda seed: new_model(dataset, training, seed),
            )
            defended = DEFENSES[method](**spec.params).defend(view).model
            found[method, value] = before - right_answers(trainer, defended, judges).double().mean().item()
    print(f"seed {training.seed}: {100 * before:.2f} % before", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("params", nargs="*", help="as of `kedro run --params`")
    parser.add_argument("--data", type=Path, default=Path("data/01_raw"))
    parser.add_argument("--setting", default="defending.lr", help="in the data set's budget: BLOCK.NAME")
    parser.add_argument("--values", type=float, nargs="+", default=[0.01, 0.02, 0.03, 0.05, 0.1, 0.2])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102])
    parser.add_argument(
        "--held-out", type=float, default=0.2, help="share of the training images that judges"
    )
    parser.add_argument("--margin", type=float, default=0.01)
    args = parser.parse_args()
    base: Nested = {}
    for file in sorted(CONF.glob("*.yml")):
        base |= yaml.safe_load(file.read_text(encoding="utf-8"))
    base = overlaid(base, {**parse_params(args.params), "attack": "none", "defense": "none"})
    runs = [costs_of_seed(overlaid(base, {"seed": seed}), args) for seed in args.seeds]
    means = {key: fmean(run[key] for run in runs) for key in runs[0]}
    for (method, value), cost in means.items():
        each = " ".join(f"{100 * run[method, value]:6.2f}" for run in runs)
        print(f"{method:6} {value:6g}  costs {100 * cost:6.2f}   {each}")
    print("by the rule:", by_the_rule(means, args.margin))


if __name__ == "__main__":
    main()
