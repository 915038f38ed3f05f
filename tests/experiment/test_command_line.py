import pytest
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.command_line import parse_params


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["attack:ssba"], {"attack": "ssba"}),
        (["attack=ssba"], {"attack": "ssba"}),
        (["attack:badnets,poison_ratio=0.05"], {"attack": "badnets", "poison_ratio": 0.05}),
        (["attack:badnets", "seed:3"], {"attack": "badnets", "seed": 3}),
        (["seed:1", "seed:2"], {"seed": 2}),
        (["attacks.badnets.patch_size:5"], {"attacks": {"badnets": {"patch_size": 5}}}),
        (["training.lr:0.1", "training.gamma=0.5"], {"training": {"lr": 0.1, "gamma": 0.5}}),
        (["training.milestones=[50, 75],seed:1"], {"training": {"milestones": [50, 75]}, "seed": 1}),
        (
            ["models.vit_b_16.pretrained=/a/b:c.safetensors"],
            {"models": {"vit_b_16": {"pretrained": "/a/b:c.safetensors"}}},
        ),
        (["epochs:null"], {"epochs": None}),
        (["poison_ratio:'a, lot'"], {"poison_ratio": "a, lot"}),
        ([], {}),
        ([" attack : badnets , "], {"attack": "badnets"}),
    ],
)
def test_what_users_type(texts: list[str], expected: dict) -> None:
    assert parse_params(texts) == expected


@pytest.mark.parametrize("text", ["attack", ":ssba", "=1", "a..b:1", "a.:1", "a:1,a.b:2"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--params"):
        parse_params([text])


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.integers(1 - 2**63, 2**63 - 1) | st.booleans(),
        max_size=5,
    )
)
def test_flat_parameters_come_back(params: dict[str, object]) -> None:
    text = ",".join(f"{key}:{str(value).lower()}" for key, value in params.items())
    assert parse_params([text]) == params
