"""Where nulls among the parameters take their values: a data set's budget, over the one common to all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Params = Mapping[str, Any]
Blocks = Mapping[str, Params]

FALLS_BACK = {"attacking": "training"}  # what a block does not say, this one does


@dataclass(frozen=True, slots=True)
class Budget:
    """What training on a data set may take.

    Attributes:
        blocks: by method, and by what is common to a kind (`training`, `attacking`, `defending`): values.
    """

    blocks: Blocks

    @classmethod
    def of(cls, common: Blocks, own: Blocks) -> "Budget":
        """The blocks of a data set over those common to all, name by name."""
        return cls({name: {**common.get(name, {}), **own.get(name, {})} for name in {**common, **own}})

    def fill(self, params: Params, method: str, common: str) -> dict[str, Any]:
        """Nulls, at any depth, replaced by the method's own value, or else by the one common to its kind."""
        allowance: dict[str, Any] = {}
        for block in (FALLS_BACK.get(common), common, method):
            allowance |= self.blocks.get(block or "", {})
        return _filled(params, allowance)


def _filled(params: Params, allowance: Params) -> dict[str, Any]:
    def filled(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return _filled(value, allowance)
        return allowance.get(key) if value is None else value

    return {key: filled(key, value) for key, value in params.items()}
