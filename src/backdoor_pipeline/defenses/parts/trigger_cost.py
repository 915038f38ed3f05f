"""The weight of the mask's norm in the search for a trigger: one for each class, changed on the way."""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor


class CostSettings(BaseModel):
    """How the weight follows the success.

    Attributes:
        initial: the weight after a trigger first worked; before, it is 0.
        up: the factor after `patience` epochs of success.
        down: the divisor after `patience` epochs of failure.
        patience: epochs in a row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    initial: float = Field(gt=0)
    up: float = Field(gt=1)
    down: float = Field(gt=1)
    patience: int = Field(ge=1)


class Costs:
    """Every class's weight, raised while its trigger works and lowered while it does not.

    Attributes:
        weights: float32, (n,).
        settled: bool, (n,): the weight has been both raised and lowered since it was first set.
    """

    def __init__(self, settings: CostSettings, classes: int, device: torch.device) -> None:
        self._settings = settings
        self.weights = torch.zeros(classes, device=device)
        self._successes = torch.zeros(classes, dtype=torch.int64, device=device)
        self._failures = self._successes.clone()
        self._raised = torch.zeros(classes, dtype=torch.bool, device=device)
        self._lowered = self._raised.clone()

    @property
    def settled(self) -> Tensor:
        """See the class."""
        return self._raised & self._lowered

    def update(self, works: Tensor) -> None:
        """After an epoch in which these triggers worked: bool, (n,)."""
        settings, unset = self._settings, self.weights == 0
        self._successes = torch.where(works, self._successes + 1, 0)
        self._failures = torch.where(works, 0, self._failures + 1)
        rise, fall = self._successes == settings.patience, self._failures == settings.patience
        raised = torch.where(unset, settings.initial, self.weights * settings.up)
        self.weights = torch.where(
            rise, raised, torch.where(fall, self.weights / settings.down, self.weights)
        )
        self._successes[rise] = 0
        self._failures[fall] = 0
        self._raised |= rise & ~unset
        self._lowered |= fall & ~unset
