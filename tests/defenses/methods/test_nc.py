from copy import deepcopy
from typing import Any

import pytest
import torch
from helpers.trigger_search import (
    CLASSES,
    RECIPE,
    SEARCH,
    TARGET,
    corner,
    network,
    stripes,
    trained,
)

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.base import Defended, DefenderView
from backdoor_pipeline.defenses.methods.nc import NeuralCleanse, _diagnostics, _metrics, both_indices
from backdoor_pipeline.defenses.parts.trigger_search import TriggerSearch
from backdoor_pipeline.defenses.parts.triggers import Triggers
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.models import Classifier

CLEAN, TEST = stripes(60, seed=1), stripes(120, seed=2)


def cleanse(**changes: Any) -> NeuralCleanse:
    settings = {
        "search": SEARCH, "index": "published", "anomaly_threshold": 2, "log_threshold": 4,
        "mitigation": "unlearn",
        "unlearning": {"ratio": 0.2, "recipe": RECIPE.model_dump() | {"lr": 0.003}},
        "pruning": {"success": 0.05, "tolerance": 0.1, "held_out": 0.5},
    }  # fmt: skip
    return NeuralCleanse.model_validate({**settings, **changes})


@pytest.fixture
def planted() -> Classifier:
    return trained(backdoored=True)


def attack_success(trainer, model: Classifier) -> float:
    others = TEST.labels != TARGET
    return (trainer.predict(model, corner(TEST.images[others])) == TARGET).float().mean().item()


def accuracy(trainer, model: Classifier) -> float:
    return (trainer.predict(model, TEST.images) == TEST.labels).float().mean().item()


def defend(trainer, model: Classifier, **changes: Any) -> Defended:
    view = DefenderView(deepcopy(model), None, CLEAN, trainer, seed=0)  # type: ignore[arg-type]  # no training set
    return cleanse(**changes).defend(view)


def test_a_planted_backdoor_is_found_and_unlearned(trainer, planted) -> None:
    defended = defend(trainer, planted)
    metrics = defended.metrics
    assert (metrics["flagged_classes"], metrics[f"flagged_{TARGET}"]) == (1, 1)
    assert metrics[f"anomaly_index_{TARGET}"] > 2
    assert metrics["reversed_success"] > 0.95 > 0.1 > metrics["reversed_success_after"]
    assert attack_success(trainer, planted) > 0.95
    assert attack_success(trainer, defended.model) < 0.1
    assert accuracy(trainer, defended.model) > 0.95
    assert [row["epoch"] for row in defended.history] == list(range(1, RECIPE.epochs + 1))
    curve = defended.diagnostics.curve
    assert curve is not None
    assert (curve.x, curve.chosen) == ("class", TARGET)
    assert curve.columns["mask_l1"][TARGET] == pytest.approx(metrics[f"mask_l1_{TARGET}"])


def test_pruning_instead_changes_the_head_only(trainer, planted) -> None:
    defended = defend(trainer, planted, mitigation="prune")
    before = planted.state_dict()
    changed = [
        name for name, value in defended.model.state_dict().items() if not torch.equal(value, before[name])
    ]
    assert changed == ["head.weight"]
    assert defended.metrics["pruned_neurons"] > 0
    assert defended.metrics["reversed_success_after"] < defended.metrics["reversed_success"]
    assert defended.history == []


def test_without_an_anomaly_the_model_comes_back_unchanged(trainer) -> None:
    model = trained(backdoored=False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    defended = cleanse(anomaly_threshold=6).defend(DefenderView(model, CLEAN, CLEAN, trainer, seed=0))
    assert defended.model is model
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert defended.metrics["flagged_classes"] == 0
    names = ("mask_l1", "anomaly_index", "log_anomaly_index")
    expected = {f"{name}_{k}" for name in names for k in range(CLASSES)}
    highest = {"highest_anomaly_index", "highest_log_anomaly_index"}
    assert set(defended.metrics) == expected | highest | {"flagged_classes"}
    assert defended.history == []
    assert defended.diagnostics.curve is not None
    assert defended.diagnostics.curve.chosen is None


def made_up(norms: list[float], success: list[float] | None = None) -> Triggers:
    masks = torch.tensor(norms).view(-1, 1, 1, 1).expand(-1, 1, 10, 10) / 100
    return Triggers(masks, torch.full_like(masks, 0.5), torch.tensor(success or [1.0] * len(norms)))


@pytest.mark.parametrize(
    ("norms", "success", "expected"),
    [
        ([50, 52, 5, 54, 51, 2], None, [5, 2]),  # smallest first
        ([50, 52, 99, 54, 51, 53], None, []),  # large is no sign of a backdoor
        ([50, 52, 5, 54, 51, 53], [1, 1, 0.9, 1, 1, 1], []),  # what does not work is no trigger
    ],
)
def test_flagged_are_abnormally_small_working_triggers(norms, success, expected) -> None:
    triggers = made_up(norms, success)
    assert cleanse()._flagged(triggers, both_indices(triggers), "published").tolist() == expected


# of a backdoored model; see `test_anomaly`
MISSED = [0.86, 83, 53, 80, 53, 60, 51, 88, 19, 76]


def test_each_index_has_a_threshold_of_its_own() -> None:
    triggers = made_up(MISSED)

    def flagged(deciding: str, **changes: float) -> list[int]:
        return cleanse(**changes)._flagged(triggers, both_indices(triggers), deciding).tolist()

    assert flagged("published") == []
    assert flagged("published", anomaly_threshold=1.7) == [0]
    assert flagged("log") == [0]
    assert flagged("log", log_threshold=2) == [0, 8]
    assert flagged("log", log_threshold=9) == []


def test_a_scan_alarms_by_the_log_index_whichever_decides_on_a_defense(trainer, monkeypatch) -> None:
    monkeypatch.setattr(TriggerSearch, "run", lambda *_: made_up(MISSED))
    classes = len(MISSED)
    data = ImageSet(CLEAN.images[:classes], torch.arange(classes), tuple(map(str, range(classes))))
    view = DefenderView(network(classes=classes), data, data, trainer, seed=0)
    assert cleanse(index="published").defend(view).metrics["flagged_classes"] == 0
    finding = cleanse(index="published").detect(view, 0.01)
    assert finding.suspicious
    assert finding.says == "class 0: a far smaller trigger than the others'"
    assert finding.sure == "log index 8.71, alarm above 4; the paper's 1.75, above 2"


def test_both_indices_are_reported_whichever_decides() -> None:
    triggers = made_up(MISSED)
    metrics = report(triggers, [])
    assert metrics["anomaly_index_0"] == metrics["highest_anomaly_index"] == pytest.approx(1.745, abs=1e-3)
    assert (
        metrics["log_anomaly_index_0"] == metrics["highest_log_anomaly_index"] == pytest.approx(8.7, abs=0.05)
    )
    assert metrics["log_anomaly_index_8"] == pytest.approx(2.2, abs=0.1)


def test_the_highest_index_is_that_of_a_suspect() -> None:
    # 990 is the most abnormal, but large; 1 does not work; then comes 5
    metrics = report(made_up([50, 52, 1, 54, 5, 990], [1, 1, 0.5, 1, 1, 1]), [])
    assert metrics["highest_anomaly_index"] == metrics["anomaly_index_4"]
    assert report(made_up([50, 52, 54], [0, 0, 0]), [])["highest_log_anomaly_index"] == 0


def report(triggers: Triggers, flagged: list[int]) -> dict[str, float]:
    suspects = cleanse()._suspects(triggers)
    return _metrics(triggers, both_indices(triggers), suspects, torch.tensor(flagged))


def test_many_classes_report_the_smallest_triggers_only() -> None:
    triggers = made_up([float(99 - k) for k in range(50)])
    metrics = report(triggers, [49, 40])
    assert {name for name in metrics if name.startswith("mask_l1")} == {f"mask_l1_{k}" for k in range(30, 50)}
    assert metrics["flagged_classes"] == 2
    assert metrics["flagged_40"] == metrics["flagged_49"] == 1
    indices = {"published": torch.arange(50.0), "log": torch.arange(100.0, 150.0)}
    shown = _diagnostics(triggers, indices, "published", torch.tensor([49, 40]))
    assert list(shown.pictures) == [f"{k} ({k}.0)" for k in range(49, 37, -1)]
    torch.testing.assert_close(shown.pictures["49 (49.0)"], torch.full((1, 10, 10), 0.25))
    assert shown.curve is not None
    assert {name: len(column) for name, column in shown.curve.columns.items()} == {
        "class": 50, "mask_l1": 50, "anomaly_index": 50, "log_anomaly_index": 50,
    }  # fmt: skip
    assert shown.curve.chosen == 49
    assert "49 (149.0)" in _diagnostics(triggers, indices, "log", torch.tensor([49])).pictures


def test_two_classes_cannot_be_compared(trainer) -> None:
    data = ImageSet(CLEAN.images, CLEAN.labels % 2, ("a", "b"))
    with pytest.raises(UserError, match="needs 3"):
        cleanse().defend(DefenderView(network(classes=2), data, data, trainer, seed=0))


def test_the_shipped_settings_are_valid(params) -> None:
    spec = resolve({**params, "dataset": "cifar10", "defense": "nc"}).defending.defense
    assert spec is not None
    assert NeuralCleanse.model_validate(spec.params).search.epochs == 80
    assert (spec.params["index"], spec.params["anomaly_threshold"]) == ("published", 2), "as in the paper"
    assert spec.params["search"]["batch_size"] == spec.params["unlearning"]["recipe"]["batch_size"] == 256
