import pytest
import torch
from helpers.made_models import classifier, fixed
from torch import nn

from backdoor_pipeline.analysis.tac import activation_change, tac_figure


@pytest.fixture(scope="module")
def planted():
    """Three channels: blind, the image, and the image twice; then halved maps; then their means."""
    conv = fixed(nn.Conv2d(1, 3, 1), torch.tensor([0.0, 1.0, 2.0]))
    return classifier(conv, nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))


def images(count=70):
    clean = torch.full((count, 1, 8, 8), 51, dtype=torch.uint8)
    triggered = clean.clone()
    triggered[:, :, 0, 0] = 153  # 0.4 brighter
    triggered[: count // 2, :, 0, 1] = 153
    return clean, triggered


def test_a_planted_channel_changes_by_what_the_trigger_adds(planted, trainer) -> None:
    change = activation_change(trainer, planted, *images())
    assert list(change) == ["8×8 maps", "4×4 maps", "features"]
    one, two = 0.4, 0.4 * 2**0.5  # the norm of one changed pixel, and of two
    expected = torch.tensor([0, 1, 2], dtype=torch.float64)
    assert torch.allclose(change["8×8 maps"], expected * (one + two) / 2)
    assert torch.allclose(change["4×4 maps"], expected * 0.1 * 1.5, atol=1e-6)
    assert torch.allclose(change["features"], expected * 0.4 * 1.5 / 64, atol=1e-6)
    assert not planted.head._forward_pre_hooks


def test_no_change_is_zero(planted, trainer) -> None:
    clean, _ = images(5)
    assert all(not values.any() for values in activation_change(trainer, planted, clean, clean).values())


def test_statistics_of_the_batch_have_no_say(trainer) -> None:
    """As in evaluation, in which the model is left if it was, and in training if it was."""
    norm = nn.BatchNorm2d(1)
    norm.running_var.fill_(4 - norm.eps)  # halves what it is given
    model = classifier(norm, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)).train()
    change = activation_change(trainer, model, *images(4))
    assert change["8×8 maps"].item() == pytest.approx(0.2 * (1 + 2**0.5) / 2, rel=1e-5)
    assert model.training
    assert norm.running_var.item() == pytest.approx(4, abs=1e-4)


def test_the_figure_keeps_the_order_of_the_first_model() -> None:
    changes = {
        "before": {"8×8 maps": torch.tensor([1.0, 3.0, 2.0]), "features": torch.tensor([5.0])},
        "after": {"8×8 maps": torch.tensor([7.0, 8.0, 9.0]), "features": torch.tensor([0.5])},
    }
    figure = tac_figure(changes, "a title")
    drawn = {(trace["name"], trace["xaxis"]): trace["y"] for trace in figure.plotly["data"]}
    assert drawn["before", "x"] == [3, 2, 1]
    assert drawn["after", "x"] == [8, 9, 7]
    assert drawn["after", "x2"] == [0.5]
    before, after = figure.drawn.canvas.axes[0].lines
    assert (before.get_label(), before.get_ydata().tolist()) == ("before", [3, 2, 1])
    assert (after.get_label(), after.get_ydata().tolist()) == ("after", [8, 9, 7])
    row = figure.table.query("model == 'after' and stage == '8×8 maps' and channel == 2")
    assert row["change"].item() == 9
    assert len(figure.table) == 8


def test_only_the_last_stages_are_drawn_but_all_are_told() -> None:
    stages = {f"{size}×{size} maps": torch.rand(4) for size in (64, 32, 16, 8, 4)}
    figure = tac_figure({"no defense": stages}, "a title")
    assert len(figure.plotly["data"]) == 4
    names = [figure.plotly["layout"][f"xaxis{number}"]["title"]["text"] for number in ("", 2, 3, 4)]
    assert names == [f"{size}×{size} maps: channel" for size in (32, 16, 8, 4)]
    assert len(figure.table) == 20


def test_without_a_trigger_the_figure_says_so() -> None:
    figure = tac_figure({}, "a title")
    assert figure.table.empty
    assert figure.png.startswith(b"\x89PNG")
