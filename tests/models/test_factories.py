"""Networks of others, and the functions that build them."""

import pytest
import torch
from helpers.parameters import change
from helpers.scratch import PROJECT, run_python
from torch import nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.foreign.models import block_of, read_model
from backdoor_pipeline.models.factories import admit
from backdoor_pipeline.models.files import load_model, save_model
from backdoor_pipeline.models.registry import model_names

FACTS = {"num_classes": 3, "channels": 3, "image_size": 8, "mean": (0.1,) * 3, "std": (0.2,) * 3}
HERE = f"{__name__}:network"


def network(num_classes: int = 7, width: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, width, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, num_classes),
    )


def failing() -> nn.Module:
    raise ValueError("no weights for you")


def headless() -> nn.Module:
    return nn.Conv2d(3, 3, 3)


def softmax(num_classes: int) -> nn.Module:
    return nn.Sequential(*network(num_classes), nn.Softmax(1))


def test_a_stranger_answers_as_before_and_is_saved_like_ours(tmp_path) -> None:
    theirs = network(3, width=6).eval()
    torch.save(theirs.state_dict(), tmp_path / "theirs.pt")
    block = block_of(HERE, {"width": 6}, num_classes=3) | {"mean": (0.5,) * 3, "std": (0.25,) * 3}
    model = read_model(tmp_path / "theirs.pt", "stranger", block, FACTS)
    images = torch.rand(4, 3, 8, 8)
    torch.testing.assert_close(model(images), theirs((images - 0.5) / 0.25))
    save_model(tmp_path / "ours.safetensors", model, {})
    again, _ = load_model(tmp_path / "ours.safetensors")
    torch.testing.assert_close(again(images), model(images))


def test_an_architecture_of_this_project_will_do(tmp_path) -> None:
    from helpers.models import build

    ours = build("resnet8", classes=3, size=8)
    ours.backbone.set_submodule(ours.head_name, ours.head)
    torch.save(ours.backbone.state_dict(), tmp_path / "theirs.pt")
    model = read_model(tmp_path / "theirs.pt", "known", block_of("resnet8", {}, 3), FACTS)
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(model(images), ours.backbone((images - 0.1) / 0.2))


def test_a_file_never_chooses_the_code(tmp_path) -> None:
    torch.save(network(3).state_dict(), tmp_path / "theirs.pt")
    model = read_model(tmp_path / "theirs.pt", "trusted", block_of(HERE, {}, 3), FACTS)
    save_model(tmp_path / "ours.safetensors", model, {})
    admit({"trusted": {"factory": f"{__name__}:softmax"}})
    with pytest.raises(UserError, match="the parameters say"):
        load_model(tmp_path / "ours.safetensors")


def test_from_python_the_caller_allows_it(tmp_path) -> None:
    torch.save(network(3).state_dict(), tmp_path / "theirs.pt")
    model = read_model(tmp_path / "theirs.pt", "called", block_of(HERE, {}, 3), FACTS)
    save_model(tmp_path / "ours.safetensors", model, {})
    code = "from backdoor_pipeline import api; print(api.load_model('ours.safetensors'{}).description.name)"
    path = {"PYTHONPATH": f"{PROJECT / 'src'}:{PROJECT / 'tests'}:{PROJECT}"}
    refused = run_python(tmp_path, "-c", code.format(""), check=False, **path)
    assert "if you trust it" in refused.stderr
    assert run_python(tmp_path, "-c", code.format(f", factory='{HERE}'"), **path).stdout == "called\n"


@pytest.mark.parametrize(("factory", "sentence"), [
    ("nowhere:network", "there is no nowhere:network"),
    (f"{__name__}:nothing", "there is no"),
    (f"{__name__}:HERE", "is no function"),
    (f"{__name__}:failing", "no weights for you"),
    (f"{__name__}:headless", "no network with a linear layer"),
    (f"{__name__}:softmax", "does something after its last linear layer"),
    ("resnet9", "did you mean"),
])  # fmt: skip
def test_what_cannot_be_is_one_sentence(tmp_path, factory, sentence) -> None:
    torch.save(network(3).state_dict(), tmp_path / "theirs.pt")
    with pytest.raises(UserError, match=sentence):
        read_model(tmp_path / "theirs.pt", "odd", block_of(factory, {}, 3), FACTS)


def test_a_name_of_this_project_is_taken() -> None:
    with pytest.raises(UserError, match="'resnet8' is one of this project"):
        admit({"resnet8": {"factory": HERE}})


def test_a_hint_at_other_models_calls_nobody_s_code(params) -> None:
    """ANP names the models that it can prune; to see that, it builds them."""
    admit({"unhinted": {"factory": f"{__name__}:failing"}})
    with pytest.raises(UserError, match="anp prunes channels of normalization layers") as caught:
        resolve(change(params, defense="anp", model="vgg19"))
    assert "resnet8" in str(caught.value)
    assert "unhinted" not in str(caught.value)


def test_what_other_tests_made_known_is_known_no_more() -> None:
    assert not {"stranger", "known", "trusted", "called"} & set(model_names())
