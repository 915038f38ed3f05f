"""Parameters with some changed."""

import copy
from typing import Any

from backdoor_pipeline.base.registry import NONE, Registry


def change(params: dict[str, Any], **paths: Any) -> dict[str, Any]:
    """A copy of the parameters with some changed; `a__b=1` is `a.b: 1`."""
    changed = copy.deepcopy(params)
    for path, value in paths.items():
        *parents, last = path.split("__")
        block = changed
        for parent in parents:
            block = block.setdefault(parent, {})
        block[last] = value
    return changed


def image_sets(params: dict[str, Any]) -> list[str]:
    """The names of the data sets of images."""
    return [name for name, block in params["datasets"].items() if "kind" not in block]


def image_methods(registry: Registry[Any]) -> list[str]:
    """The names of the attacks or defenses for images, and `none`."""
    others = [name for name in registry.names() if name != NONE]
    kinds = {name: getattr(registry[name], "kinds", None) or {registry[name].kind} for name in others}
    return [NONE, *(name for name in others if "image" in kinds[name])]
