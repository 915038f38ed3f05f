"""Parameters with some changed."""

import copy
from typing import Any


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
