import json
from typing import Any

import pytest
import torch
from helpers.surrogates import SURROGATE, tinted
from torch import nn

from backdoor_pipeline.attacks.parts.pgd import PGD, perturb
from backdoor_pipeline.attacks.parts.surrogate import AdversarialCrossEntropy, Surrogate, SurrogateNetworks
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Batch


def surrogate(**changed: Any) -> Surrogate:
    return Surrogate.model_validate({**SURROGATE, **changed})


def test_it_learns_and_its_networks_survive_json(make_env) -> None:
    test = tinted(40, seed=1)
    env = make_env()
    made = surrogate().train(tinted(64, seed=0), test, env)
    assert made.metrics["surrogate_accuracy"] > 0.9
    assert [row["epoch"] for row in made.history] == [1, 2, 3, 4, 5, 6]
    rebuilt = SurrogateNetworks(**json.loads(json.dumps(made.networks.config)))
    rebuilt.load_state_dict(made.networks.state_dict())
    logits = [env.trainer.logits(networks.classifier, test.images) for networks in (made.networks, rebuilt)]
    assert torch.equal(*logits)


def test_it_is_the_same_for_every_experiment_seed_and_another_for_its_own(make_env) -> None:
    train = tinted(32, seed=0)

    def head(env_seed: int, **changed: Any) -> torch.Tensor:
        recipe = {**SURROGATE["recipe"], "epochs": 1}
        made = surrogate(recipe=recipe, **changed).train(train, train, make_env(seed=env_seed))
        return made.networks.classifier.head.weight

    assert torch.equal(head(0), head(7))
    assert not torch.equal(head(0), head(0, seed=1))


def test_a_victim_of_equal_seed_starts_from_other_weights(make_env) -> None:
    recipe = {**SURROGATE["recipe"], "epochs": 1, "lr": 1e-12}
    env, train = make_env(), tinted(16, seed=0)
    theirs = surrogate(recipe=recipe).train(train, train, env).networks.classifier
    description = theirs.description.model_dump(exclude={"name", "options"})
    victim = build_model("resnet8", seed=0, options=ModelOptions(pretrained=None), **description)
    assert not torch.allclose(victim.head.weight, theirs.head.weight, atol=1e-3)


def test_an_unknown_architecture_is_refused_with_a_hint() -> None:
    with pytest.raises(UserError, match="did you mean 'resnet8'"):
        surrogate(model="resnet88")


def test_the_stem_is_small_where_there_is_one(make_env) -> None:
    built = surrogate(model="mobilenet_v3_large")._build(make_env().dataset)
    assert built.description.options == {"stem": "small"}


def test_what_decides_it() -> None:
    plain, other = surrogate(), surrogate(perturbation={"epsilon": 4, "step": 1, "steps": 3})
    assert plain.preparation().name == "surrogate-resnet8"
    assert plain.preparation() == other.preparation(), "what is not used decides nothing"
    assert plain.preparation() != surrogate(seed=1).preparation()
    robust = [one.model_copy(update={"adversarial": True}).preparation() for one in (plain, other)]
    assert robust[0].name == "surrogate-resnet8-robust"
    assert robust[0] != robust[1]
    json.dumps(plain.preparation().settings)


def accuracy_under_pgd(model, data, pgd: PGD) -> float:
    model.eval()
    found = perturb(model, data.images.float() / 255, data.labels, pgd, random_start=False)
    return float((model(found).argmax(1) == data.labels).float().mean())


def test_adversarial_training_resists_what_fools_a_standard_model(make_env) -> None:
    train, test = tinted(64, seed=0), tinted(40, seed=1)
    pgd = PGD(epsilon=16, step=4, steps=8)
    setting = {"epsilon": 16, "step": 8, "steps": 3}
    recipe = {**SURROGATE["recipe"], "epochs": 8}
    plain, robust = (
        surrogate(adversarial=choice, perturbation=setting, recipe=recipe).train(train, test, make_env())
        for choice in (False, True)
    )
    fooled = accuracy_under_pgd(plain.networks.classifier, test, pgd)
    withstood = accuracy_under_pgd(robust.networks.classifier, test, pgd)
    assert fooled < 0.3
    assert withstood > 0.8
    assert robust.metrics["surrogate_accuracy"] > 0.9
    assert "accuracy" in robust.history[0]


def test_adversarial_training_starts_somewhere_in_the_ball() -> None:
    class Seeing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.seen = images
            return self.head(images.mean((2, 3)))

    torch.manual_seed(0)
    model, images = Seeing(), torch.full((8, 3, 16, 16), 0.5)
    batch = Batch(images, torch.arange(8) % 2, torch.arange(8), epoch=1, step=0)
    AdversarialCrossEntropy(PGD(epsilon=16, step=1e-4, steps=1))(model, batch)
    moved = (model.seen - images) * 255
    assert 15 < moved.abs().max() < 16.001
    assert moved.std().item() == pytest.approx(32 / 12**0.5, rel=0.05)


def test_searching_moves_batch_norm_no_more_than_one_batch_does() -> None:
    spec = {"num_classes": 4, "channels": 3, "image_size": 16, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    model = build_model("resnet8", seed=0, options=ModelOptions(pretrained=None), **spec).train()
    data = tinted(16, seed=0)
    batch = Batch(data.images.float() / 255, data.labels, torch.arange(16), epoch=1, step=0)
    loss = AdversarialCrossEntropy(PGD(epsilon=8, step=2, steps=5))(model, batch)
    assert model.training
    assert model.backbone.bn1.training
    assert int(model.backbone.bn1.num_batches_tracked) == 1
    assert batch.correct is not None
    assert all(weight.grad is None for weight in model.parameters())
    loss.backward()
    assert model.head.weight.grad is not None
