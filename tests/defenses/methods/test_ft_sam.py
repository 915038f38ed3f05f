import pytest
import torch
from helpers.models import build
from helpers.training import recipe

from backdoor_pipeline.defenses import DefenderView
from backdoor_pipeline.defenses.methods.ft_sam import SharpnessAwareFineTuning


def defended(make_set, trainer, rho: float):
    view = DefenderView(build("resnet8", classes=4), make_set(rows=40), make_set(rows=24), trainer, seed=5)
    return SharpnessAwareFineTuning(rho=rho, label_smoothing=0, recipe=recipe()).defend(view)


def test_every_weight_moves(make_set, trainer) -> None:
    after = defended(make_set, trainer, 1)
    pairs = zip(after.model.named_parameters(), build("resnet8", classes=4).parameters(), strict=True)
    for (name, weight), start in pairs:
        assert not torch.equal(weight, start), f"{name} was not fine-tuned"
    assert {"loss", "accuracy"} <= after.history[0].keys()


def test_with_next_to_no_radius_it_is_fine_tuning(make_set, trainer) -> None:
    reference, clean = build("resnet8", classes=4), make_set(rows=24)
    trainer.fit(reference, clean, recipe(), seed=5, purpose="ft_sam")
    for rho, alike in ((1e-7, True), (1.0, False)):
        after = defended(make_set, trainer, rho).model
        pairs = zip(after.parameters(), reference.parameters(), strict=True)
        assert all(torch.allclose(a, b, atol=1e-4) for a, b in pairs) == alike


@pytest.mark.parametrize("setting", [{"rho": 0}, {"rho": float("inf")}, {"label_smoothing": 0.5}])
def test_settings_out_of_range_are_refused(setting) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        SharpnessAwareFineTuning(**{"rho": 2, "label_smoothing": 0, "recipe": recipe(), **setting})
