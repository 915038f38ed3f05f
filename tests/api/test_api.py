"""The Python API: its defaults are those of `conf/base`, and any network will do."""

import pytest
import torch
from helpers.scratch import PROJECT, run_python
from torch import nn

from backdoor_pipeline import api
from backdoor_pipeline.api import attacking
from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.files import save_trigger
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.table import write_rows
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.resolve import resolve

ENGINE = api.engine(device="cpu", precision="fp32", checkpoint_every=0)
SHORT = {"epochs": 1, "batch_size": 16}
SETTINGS = {  # what makes each defense short
    "ft": {"recipe": SHORT},
    "ft_sam": {"recipe": SHORT},
    "fp": {"recipe": SHORT},
    "nad": {"teacher": SHORT, "student": SHORT, "betas": [1, 1]},
    "anp": {"iterations": 2, "batch_size": 8},
    "clp": {},
    "nc": {"search": {"epochs": 1, "batch_size": 8}},
    "ac": {"recipe": SHORT, "starts": 1, "rule": "silhouette", "silhouette_threshold": -1},
    "spectral": {"recipe": SHORT},
    "abl": {
        "tuning_epochs": 1,
        "finetuning_epochs": 1,
        "unlearning_epochs": 1,
        "averaged_epochs": 1,
        "batch_size": 16,
        "isolation_ratio": 0.1,
    },
    "dbd": {
        "ssl_epochs": 1, "warmup_epochs": 1, "semi_epochs": 1, "semi_steps": 1,
        "ssl_batch_size": 16, "semi_batch_size": 8, "split": "per_class",
    },
}  # fmt: skip


def a_network() -> nn.Sequential:
    """Somebody's: it is in no list of architectures."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 4),
    )


class TwoHeads(nn.Module):
    """Ends with something else than its last linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.network = a_network()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images).log_softmax(1)


def test_defaults_are_those_of_a_run(params) -> None:
    experiment = resolve({**params, "attack": "blended", "defense": "anp"})
    assert api.attack("blended", budget="digits") == ATTACKS["blended"](**experiment.poisoning.attack.params)
    assert api.recipe("digits") == experiment.training.recipe
    assert api.engine() == experiment.engine
    assert api.attack("badnets", patch_size=5).patch_size == 5


@pytest.mark.parametrize("call", [
    lambda: api.attack("badnet"),
    lambda: api.attack("badnets", patch=3),
    lambda: api.recipe("digit"),
    lambda: api.load_model("nowhere.safetensors"),
    lambda: api.wrap(nn.Conv2d(3, 4, 3), image_size=8),
    lambda: api.wrap(TwoHeads(), image_size=8),
    lambda: api.save_model(api.wrap(a_network(), image_size=8), "mine.safetensors"),
])  # fmt: skip
def test_what_cannot_be_is_one_sentence(call) -> None:
    with pytest.raises(api.UserError) as told:
        call()
    assert str(told.value).endswith(".")


def test_wrapping_changes_neither_the_network_nor_its_answers() -> None:
    network, images = a_network().eval(), torch.rand(5, 3, 8, 8)
    wrapped = api.wrap(network, image_size=8, mean=[0.5] * 3, std=[0.2] * 3)
    torch.testing.assert_close(wrapped(images), network((images - 0.5) / 0.2))
    assert isinstance(network[-1], nn.Linear)


def test_a_network_that_is_wrapped_stays_in_training_and_a_frozen_one_can_be_trained_anew() -> None:
    network = a_network().train().requires_grad_(False)
    wrapped = api.wrap(network, image_size=8)
    assert network.training
    assert not wrapped.training
    with torch.no_grad():
        network[-1].weight.zero_()
    assert wrapped.head.weight.any(), "a copy"
    assert all(weights.requires_grad for weights in wrapped.fresh(0).parameters())
    assert not any(weights.requires_grad for weights in wrapped.parameters())


def test_a_fresh_model_is_drawn_by_its_seed() -> None:
    wrapped = api.wrap(a_network(), image_size=8)
    one, same, other = (wrapped.fresh(seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one, wrapped.head.weight)


def test_a_factory_draws_what_only_it_can() -> None:
    class Shifted(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(*a_network())
            self.shift = nn.Parameter(torch.zeros(1))

    with pytest.raises(api.UserError, match="factory"):
        api.wrap(Shifted(), image_size=8).fresh(0)
    assert api.wrap(Shifted(), image_size=8, factory=Shifted).fresh(0).backbone.shift == 0


@pytest.mark.parametrize("name", SETTINGS)
def test_every_defense_runs_on_a_network_of_ones_own(name, make_set) -> None:
    clean, train = make_set(rows=24, size=8), make_set(rows=64, size=8)
    wrapped = api.wrap(a_network(), image_size=8)
    before = {key: value.clone() for key, value in wrapped.state_dict().items()}
    defended = api.defend(name, wrapped, clean, train, engine=ENGINE, **SETTINGS[name])
    assert defended.model(torch.rand(2, 3, 8, 8)).shape == (2, 4)
    assert all(torch.equal(value, before[key]) for key, value in wrapped.state_dict().items())


def test_the_defenses_tried_are_of_images() -> None:
    assert set(SETTINGS) <= {
        name for name in DEFENSES.names() if name != "none" and "image" in DEFENSES[name].kinds
    }


@pytest.mark.parametrize("name", ["ac", "spectral", "abl", "dbd"])
def test_what_looks_at_the_training_set_asks_for_it(name, make_set) -> None:
    with pytest.raises(api.UserError, match="training set"):
        api.defend(name, api.wrap(a_network(), image_size=8), make_set(size=8), engine=ENGINE)


def test_images_of_any_kind_are_taken(make_set) -> None:
    known = make_set(rows=6, size=8)
    pairs = [
        (image.float() / 255, int(label)) for image, label in zip(known.images, known.labels, strict=True)
    ]
    for made in (
        api.image_set(known.images.permute(0, 2, 3, 1).numpy(), known.labels.numpy()),
        api.image_set(known.images.float() / 255, known.labels),
        api.image_set(pairs),
    ):
        assert torch.equal(made.images, known.images)
        assert torch.equal(made.labels, known.labels)
    with pytest.raises(api.UserError, match="normalized"):
        api.image_set(known.images.float() - 128, known.labels)


def test_what_a_run_left_is_read(tmp_path, make_set) -> None:
    clean = make_set(rows=40, size=8)
    planted = api.poison("badnets", clean, clean, target_label=1, poison_ratio=0.25, engine=ENGINE)
    folder = tmp_path / "noise/badnets"
    write_rows(folder / "train.parquet", planted.train, {}, Seal.at(folder / "train.parquet"))
    save_trigger(folder / "trigger.safetensors", planted.trigger, "badnets")
    trigger, read = api.load_trigger(folder), api.poisoned_dataset(folder, clean)
    assert torch.equal(trigger(clean.images), planted.trigger(clean.images))
    assert (len(read), int(read.poisoned.sum())) == (40, 10)
    row = int(read.poisoned.nonzero()[0])
    image, label = read[row]
    assert torch.equal((image * 255).round().byte(), trigger(clean.images[row : row + 1])[0])
    assert label == 1


PLUGIN = """
from torch import nn
from backdoor_pipeline.models import register

@register("flat")
def flat(spec):
    return nn.Sequential(nn.Flatten(), nn.Linear(spec.channels * spec.image_size**2, spec.num_classes))
"""


def test_models_of_another_package_are_found(tmp_path) -> None:
    (tmp_path / "theirs.py").write_text(PLUGIN)
    about = tmp_path / "theirs-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[backdoor_pipeline.models]\nflat = theirs:flat\n")
    path = {"PYTHONPATH": f"{PROJECT / 'src'}:{tmp_path}"}
    code = """
from backdoor_pipeline import api
model = api.new_model("flat", api.load_data("digits").test)
api.save_model(model, "flat.safetensors")
print(api.load_model("flat.safetensors").description.name)
"""
    assert run_python(tmp_path, "-c", code, **path).stdout == "flat\n"
    (about / "entry_points.txt").write_text("[backdoor_pipeline.models]\nround = theirs:flat\n")
    assert "registers no model of that name" in run_python(tmp_path, "-c", code, check=False, **path).stderr


def test_mean_and_deviation_are_of_all_classes_however_many_images_there_are() -> None:
    rows = attacking.LOOKED_AT + 2000
    images = torch.zeros(rows, 3, 8, 8, dtype=torch.uint8)
    images[rows // 2 :] = 255
    found = attacking.facts(ImageSet(images, (torch.arange(rows) >= rows // 2).long(), ("dark", "light")))
    assert found.mean == pytest.approx((0.5,) * 3, abs=0.05)
