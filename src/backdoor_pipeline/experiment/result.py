"""What a row of results must be, wherever it is read from: a record, a sweep's table, new metrics."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Row = dict[str, Any]


def plain(value: Any) -> Any:
    """A value that tables can hold: text, a number, a truth value or nothing.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str | bool | int | float | None):
        raise ValueError(f"a plain value is wanted, not a {type(value).__name__}")
    if isinstance(value, str):
        value.encode()  # JSON can name halves of characters, which are no text
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("the number is too large")
    return value


Text = Annotated[str, Field(min_length=1)]
Whole = Annotated[int, AfterValidator(plain)]
Share = Annotated[float, Field(ge=0, le=1)]  # a score: a fraction
Seconds = Annotated[float, Field(ge=0)]
Plain = Annotated[Any, AfterValidator(plain)]


class Result(BaseModel):
    """An evaluated experiment: what tells it apart, and the numbers that reports average.

    All other columns are parameters, or metrics that nobody computes with.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, Plain]

    dataset: Text
    model: Text
    attack: Text
    defense: Text
    poison_ratio: float = Field(gt=0, lt=1)
    seed: Whole
    train_artifact: Text = Field(alias="artifact.train")
    evaluate_artifact: Text = Field(alias="artifact.evaluate")
    clean_accuracy_after: Share
    clean_accuracy_before: Share | None = None
    asr_before: Share | None = None
    asr_after: Share | None = None
    robust_accuracy_before: Share | None = None
    robust_accuracy_after: Share | None = None
    clean_accuracy_control: Share | None = None
    asr_control: Share | None = None
    robust_accuracy_control: Share | None = None
    der: Share | None = None
    rir: Share | None = None
    detection_tpr: Share | None = None
    detection_fpr: Share | None = None
    detection_precision: Share | None = None
    detection_auc: Share | None = None
    detection_auc_best_orientation: Share | None = None
    cross_accuracy: Share | None = None
    rival_asr: Share | None = None
    prepare_seconds: Seconds | None = None
    poison_seconds: Seconds | None = None
    train_seconds: Seconds | None = None
    train_control_seconds: Seconds | None = None
    evaluate_control_seconds: Seconds | None = None
    defend_seconds: Seconds | None = None
    evaluate_seconds: Seconds | None = None


class StageMetrics(BaseModel):
    """The metrics of one stage."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, Plain]

    seconds: Seconds | None = None


def checked(kind: type[BaseModel], content: Any) -> Row:
    """The content, as it is.

    Raises:
        ValueError: it is no such row, as Pydantic says.
    """
    kind.model_validate(content)
    assert isinstance(content, Mapping)
    return dict(content)
