from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from backdoor_pipeline.attacks import Attack
from backdoor_pipeline.attacks.methods.badnets import BadNets
from backdoor_pipeline.base import registry
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.registry import Registry
from backdoor_pipeline.defenses import DEFENSES


class Outside(BadNets):
    """An attack of another package."""

    name: ClassVar[str] = "outside"


class Impostor(BadNets):
    name: ClassVar[str] = "badnets"


def attacks_with(monkeypatch, member: str) -> Registry[Attack]:
    point = EntryPoint("any", f"{__name__}:{member}", "backdoor_pipeline.attacks")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == point.group else [])
    return Registry("attack", Attack, "backdoor_pipeline.attacks")


def test_every_method_has_its_parameters_and_every_block_its_method(params) -> None:
    from backdoor_pipeline.attacks import ATTACKS

    for methods in (ATTACKS, DEFENSES):
        assert {*params[f"{methods.kind}s"], "none"} == set(methods.names())


def test_an_installed_package_plugs_in(monkeypatch) -> None:
    attacks = attacks_with(monkeypatch, "Outside")
    assert attacks["outside"] is Outside
    assert attacks["badnets"] is BadNets


def test_two_methods_of_one_name_are_refused(monkeypatch) -> None:
    with pytest.raises(UserError, match="two attacks are called 'badnets'"):
        attacks_with(monkeypatch, "Impostor").names()


def test_something_that_is_no_method_is_refused(monkeypatch) -> None:
    with pytest.raises(UserError, match="not a named Attack subclass"):
        attacks_with(monkeypatch, "attacks_with").names()
