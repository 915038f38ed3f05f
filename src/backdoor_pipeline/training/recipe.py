"""What a training does: optimizer, learning rates, epochs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Beta = Annotated[float, Field(ge=0, lt=1)]


class Recipe(BaseModel):
    """The settings that decide the trained weights, together with the data, the model and the seed.

    Attributes:
        epochs: passes over the data.
        batch_size: images per step.
        optimizer: `sgd` (with momentum), `adam` or `adamw` (with betas).
        lr: the first step's learning rate.
        momentum: of SGD.
        betas: of Adam: the decay of its two moments.
        weight_decay: L2 penalty, added to the gradient by `sgd` and `adam`; `adamw` shrinks the weights by it
            instead (Loshchilov and Hutter, 2019).
        schedule: how the learning rate falls; see `schedule.learning_rate`.
        milestones: for `multistep`: the epochs at which the rate is multiplied by gamma.
        gamma: for `multistep` and `plateau`: that factor.
        patience: for `plateau`: how many epochs without a lower training loss are borne.
        warmup: share of all steps over which the rate of any schedule rises from 0, linearly; None: none.
        clip_norm: longer gradients, of all weights together, are shortened to this norm; None: none are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    optimizer: Literal["sgd", "adam", "adamw"]
    lr: float = Field(gt=0, allow_inf_nan=False)
    momentum: float = Field(ge=0, lt=1)
    betas: tuple[Beta, Beta]
    weight_decay: float = Field(ge=0, allow_inf_nan=False)
    schedule: Literal["cosine", "linear", "multistep", "plateau", "constant"]
    milestones: tuple[Annotated[int, Field(ge=1)], ...]
    gamma: float = Field(gt=0, le=1)
    patience: int = Field(ge=0)
    warmup: float | None = Field(default=None, gt=0, lt=1)
    clip_norm: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_nones(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Settings that change nothing are left out, so that they name no artefact otherwise."""
        return {name: value for name, value in dump(self).items() if value is not None}
