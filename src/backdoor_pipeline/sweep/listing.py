"""The cells of a dry run: what all share is told once, of each only what sets it apart."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from backdoor_pipeline.base.nesting import Flat, flatten
from backdoor_pipeline.sweep.plan import Plan, describe


def cell_lines(plan: Plan) -> Iterator[str]:
    """A line for what every cell has, then one per cell, and one per cell that cannot be, with the reason."""
    given = [*(cell.params for cell in plan.cells), *(params for params, _ in plan.infeasible)]
    flats = [flatten(params) for params in given]
    same = in_common(flats) if len(flats) > 1 else {}
    if same:
        yield f"in every cell: {folded(same)}"
    told = set_apart([{name: value for name, value in flat.items() if name not in same} for flat in flats])
    for line in told[: len(plan.cells)]:
        yield f"cell {line}"
    for line, (_, reason) in zip(told[len(plan.cells) :], plan.infeasible, strict=True):
        yield f"infeasible {line}: {reason}"


def in_common(cells: Sequence[Flat]) -> Flat:
    """The parameters that all cells have alike.

    >>> in_common([{"model": "vgg19", "seed": 0}, {"model": "vgg19", "seed": 1}])
    {'model': 'vgg19'}
    """
    first, *others = cells
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def set_apart(cells: Sequence[Flat]) -> list[str]:
    """Every cell by its choices; of parameters below tables, those that tell cells of the same choices apart.

    The others are counted.

    >>> set_apart([{"seed": 0, "engine.compile": True}, {"seed": 0, "engine.compile": False}])
    ['seed:0,engine.compile:True', 'seed:0,engine.compile:False']
    >>> set_apart([{"seed": 0, "engine.compile": True}, {"seed": 1, "engine.compile": False}])
    ['seed:0, 1 of engine', 'seed:1, 1 of engine']
    """
    alike: dict[str, list[Flat]] = {}
    for flat in cells:
        alike.setdefault(_choices(flat), []).append(flat)
    shared = {choices: in_common(group) for choices, group in alike.items()}
    lines = []
    for flat in cells:
        counted = {name: None for name in shared[_choices(flat)] if "." in name}
        spelled = {name: value for name, value in flat.items() if name not in counted}
        lines.append(", ".join(filter(None, [describe(spelled), folded(counted)])))
    return lines


def folded(flat: Mapping[str, object]) -> str:
    """The choices spelled out; of parameters below a table only how many it has.

    >>> folded({"model": "vgg19", "training.lr": 0.1, "training.epochs": 5, "engine.compile": False})
    'model:vgg19, 2 of training, 1 of engine'
    """
    choices = [f"{name}:{value}" for name, value in flat.items() if "." not in name]
    tables = Counter(name.partition(".")[0] for name in flat if "." in name)
    return ", ".join([*choices, *(f"{count} of {table}" for table, count in tables.items())])


def _choices(flat: Flat) -> str:
    return describe({name: value for name, value in flat.items() if "." not in name})
