"""The learning rate of fine-tuning by a rule that never sees a trigger or a test set.

For every seed a model is trained without any attack. A copy of it is fine-tuned at each rate, by the budget
that `ft`, `fp` and `nad` share, on a part of the images that a defender trusts; the rest of these, held out,
judges it. The rule takes the highest rate whose mean accuracy is within a point of the best one's: a backdoor
withstands low rates, and a defender can only know what high ones cost.

    python benchmarks/fine_tuning_rate.py --data data/01_raw dataset=digits
    python benchmarks/fine_tuning_rate.py --data data/01_raw dataset=fashion_mnist,train_images=30000,epochs=4
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
from backdoor_pipeline.defenses.clean_subset import draw_clean
from backdoor_pipeline.defenses.parts.held_out import right_answers, split_clean
from backdoor_pipeline.experiment.command_line import parse_params
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.models import build_model, model_options
from backdoor_pipeline.training import Recipe, Trainer

CONF = Path(__file__).parents[1] / "conf/base/parameters"


def by_the_rule(accuracies: Mapping[float, float], margin: float) -> float:
    """The highest rate whose accuracy is at most `margin` below the best one.

    >>> by_the_rule({0.01: 0.90, 0.02: 0.895, 0.05: 0.86}, 0.01)
    0.02
    """
    best = max(accuracies.values())
    return max(rate for rate, accuracy in accuracies.items() if accuracy >= best - margin)


def held_out_accuracies(params: Nested, folder: Path, rates: list[float], share: float) -> dict[float, float]:
    """The accuracy after fine-tuning at each rate, of one seed."""
    experiment = resolve(params)
    dataset, training, defense = experiment.dataset, experiment.training, experiment.defending.defense
    assert defense is not None
    clean: ImageSet = load_split(dataset, folder, "train")
    trainer = Trainer(experiment.engine, dataset.augmentation)
    options = model_options(training.model, training.options)
    model = build_model(training.model, **dataset.model_input, seed=training.seed, options=options)
    trainer.fit(model, clean, training.recipe, seed=training.seed)
    trusted = draw_clean(clean, experiment.choices.clean_ratio, training.seed)
    tuning, held_out = split_clean(trusted, share, training.seed, "fine-tuning rate")
    recipe, found = Recipe.model_validate(defense.params["recipe"]), {}
    for rate in rates:
        tuned = deepcopy(model)
        changed = recipe.model_copy(update={"lr": rate})
        trainer.fit(tuned, tuning, changed, seed=training.seed, purpose="ft")
        found[rate] = right_answers(trainer, tuned, held_out).double().mean().item()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("params", nargs="*", help="as of `kedro run --params`")
    parser.add_argument("--data", type=Path, default=Path("data/01_raw"))
    parser.add_argument("--rates", type=float, nargs="+", default=[0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2])
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102, 103, 104])
    parser.add_argument("--held-out", type=float, default=0.2, help="share of the trusted images")
    parser.add_argument("--margin", type=float, default=0.01)
    args = parser.parse_args()
    base: Nested = {}
    for file in sorted(CONF.glob("*.yml")):
        base |= yaml.safe_load(file.read_text(encoding="utf-8"))
    base = overlaid(base, {**parse_params(args.params), "attack": "none", "defense": "ft"})
    runs = [
        held_out_accuracies(overlaid(base, {"seed": seed}), args.data, args.rates, args.held_out)
        for seed in args.seeds
    ]
    means = {rate: fmean(run[rate] for run in runs) for rate in args.rates}
    for rate, accuracy in means.items():
        print(f"{rate:8g}  {100 * accuracy:6.2f} %   {' '.join(f'{100 * run[rate]:6.2f}' for run in runs)}")
    print("by the rule:", by_the_rule(means, args.margin))


if __name__ == "__main__":
    main()
