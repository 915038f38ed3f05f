"""What a training does: optimizer, learning rates, epochs."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Beta = Annotated[float, Field(ge=0, lt=1)]


class Recipe(BaseModel):
    """The settings that decide the trained weights, together with the data, the model and the seed.

    Attributes:
        epochs: passes over the data.
        batch_size: images per step.
        optimizer: `sgd` (with momentum) or `adam` (with betas).
        lr: the first step's learning rate.
        momentum: of SGD.
        betas: of Adam: the decay of its two moments.
        weight_decay: L2 penalty, added to the gradient by either optimizer.
        schedule: how the learning rate falls; see `schedule.learning_rate`.
        milestones: for `multistep`: the epochs at which the rate is multiplied by gamma.
        gamma: for `multistep` and `plateau`: that factor.
        patience: for `plateau`: how many epochs without a lower training loss are borne.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    optimizer: Literal["sgd", "adam"]
    lr: float = Field(gt=0, allow_inf_nan=False)
    momentum: float = Field(ge=0, lt=1)
    betas: tuple[Beta, Beta]
    weight_decay: float = Field(ge=0, allow_inf_nan=False)
    schedule: Literal["cosine", "multistep", "plateau", "constant"]
    milestones: tuple[Annotated[int, Field(ge=1)], ...]
    gamma: float = Field(gt=0, le=1)
    patience: int = Field(ge=0)
