"""`benchmarks/limits.py` counts, and takes apart, what it says."""

import pytest
import torch
from torch import nn

from backdoor_pipeline.training import Trainer
from benchmarks.limits import Layers, Step, flops, report, step_of, there_and_back
from benchmarks.training import AUGMENTATION, settings


@pytest.mark.parametrize(("first", "passes"), [(False, 3), (True, 2)])
def test_a_pass_back_costs_two_forward_ones_and_images_get_no_gradient(first: bool, passes: int) -> None:
    convolution = nn.Conv2d(4, 6, 3, padding=1, bias=False)
    work = there_and_back(convolution, torch.zeros(2, 4, 5, 5), first=first)
    assert flops(work) == passes * 2 * (2 * 5 * 5) * (3 * 3 * 4 * 6)
    assert convolution.weight.grad is None, "rounds do not add up"


def test_all_layers_with_weights_are_met_with_their_inputs() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))
    met = Layers().watch(model, torch.zeros(5, 3, 4, 4)).met
    assert [(type(layer), tuple(inputs.shape)) for layer, inputs in met] == [
        (nn.Conv2d, (5, 3, 4, 4)),
        (nn.Linear, (5, 8)),
    ]
    model(torch.zeros(5, 3, 4, 4))
    assert len(met) == 2, "the hooks are gone"


def test_what_the_engine_adds_is_what_no_part_takes() -> None:
    step = Step(
        whole=0.1, augmentation=0.01, forward=0.02, backward=0.04, optimizer=0.005, layers=0.05, flops=10**9
    )
    assert step.rest == pytest.approx(0.025)
    lines = list(step.lines(64))
    assert "640 images/s" in lines[0]
    assert "25.0 %" in lines[5]
    assert lines[6].startswith("layers alone")
    assert lines[-1].split()[1] == "10"


def test_a_step_of_a_real_model_is_measured() -> None:
    step = step_of("resnet8", 4, Trainer(settings("cpu", "fp32", "off"), AUGMENTATION), rounds=1)
    assert min(step.whole, step.augmentation, step.forward, step.optimizer, step.layers) > 0
    stem, stages = 9 * 3 * 16 * 32**2, 2 * 9 * 16**2 * 32**2 + 2 * (9 * 16 * 32 + 9 * 32**2) * 16**2
    assert step.flops == pytest.approx(4 * 2 * (3 * stages + 2 * stem), rel=1e-3)


def test_the_report_names_the_machine_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.limits.machine", lambda rounds: iter([f"limits, {rounds}"]))
    lines = list(report(["resnet8"], [2], 1, "off"))
    assert "threads" in lines[0]
    assert "limits, 1" in lines
    assert "\nresnet8, batches of 2" in lines
