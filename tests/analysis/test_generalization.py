import pandas as pd
import torch
from torch import Tensor, nn

from backdoor_pipeline.analysis.generalization import (
    generalization_figure,
    strength_rows,
    strengths_to_test,
)
from backdoor_pipeline.attacks.methods.badnets import PatchTrigger
from backdoor_pipeline.attacks.methods.blended import BlendTrigger
from backdoor_pipeline.attacks.trigger import NoTrigger


class Bright(nn.Module):
    """Says 0 where the image's mean exceeds a threshold, else 1."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(threshold))

    def forward(self, images: Tensor) -> Tensor:
        excess = images.flatten(1).mean(1) - self.threshold
        return torch.stack([excess, -excess], 1)


def white(alpha: float) -> BlendTrigger:
    return BlendTrigger.of(torch.full((1, 8, 8), 255, dtype=torch.uint8), alpha)


def rows(trainer, models, trigger) -> pd.DataFrame:
    black = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    targets, true = torch.zeros(4, dtype=torch.int64), torch.ones(4, dtype=torch.int64)
    return strength_rows(trainer, models, trigger, black, targets, true)


def test_its_own_strength_is_tested_once_among_the_others() -> None:
    assert strengths_to_test(PatchTrigger(3)) == [1, 2, 3, 4, 6, 8, 12, 16]
    assert strengths_to_test(PatchTrigger(5)) == [1, 2, 3, 4, 5, 6, 8, 12, 16]
    assert strengths_to_test(NoTrigger()) == []


def test_the_backdoor_opens_from_its_threshold_on(trainer) -> None:
    frame = rows(trainer, {"before": Bright(0.12), "after": Bright(0.9)}, white(0.2))
    before = frame[frame["model"] == "before"].set_index("strength")
    assert before["asr"].to_dict() == {
        0.025: 0, 0.05: 0, 0.1: 0, 0.15: 1, 0.2: 1, 0.25: 1, 0.3: 1, 0.4: 1,
    }  # fmt: skip
    assert (before["robust_accuracy"] == 1 - before["asr"]).all()
    assert set(before["trained"]) == {0.2}
    assert set(before["images"]) == {4}
    assert (frame.loc[frame["model"] == "after", "asr"] == 0).all()


def test_the_figure_marks_the_strength_in_training(trainer) -> None:
    frame = rows(trainer, {"before": Bright(0.12), "after": Bright(0.9)}, white(0.2))
    figure = generalization_figure(frame, "title")
    assert [trace["name"] for trace in figure.plotly["data"]] == ["before defense", "after defense"]
    assert figure.plotly["data"][0]["y"] == [0, 0, 0, 100, 100, 100, 100, 100]
    assert figure.plotly["layout"]["shapes"][0]["x0"] == 0.2
    assert figure.plotly["layout"]["xaxis"]["title"]["text"] == "the key's share at test"


def test_a_trigger_without_a_strength_says_so(trainer) -> None:
    frame = rows(trainer, {"before": Bright(0.5)}, NoTrigger())
    assert frame.empty
    assert "no one number" in generalization_figure(frame, "title").table["note"].iloc[0].lower()
