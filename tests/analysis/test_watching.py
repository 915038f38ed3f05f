"""Whose gradients are taken: which images of each kind, with which labels, and its share of the set."""

from typing import ClassVar

import pytest
import torch

from backdoor_pipeline.analysis.watching import watch_controlled, watch_static
from backdoor_pipeline.attacks.control import CrossSampledAttack
from backdoor_pipeline.attacks.methods.badnets import PatchTrigger
from backdoor_pipeline.data.poisoned import PoisonedRows, overlay
from backdoor_pipeline.experiment.specs import Watching

WATCHING = Watching(forgetting=False, gradients=2, every=1)
POISONED, CROSS = [1, 5, 6], [3, 11]


@pytest.fixture
def given(make_set):
    """Sixteen images, of which three are poisoned with label 3 and two are cross samples; and these."""
    clean, index = make_set(rows=16), torch.tensor(sorted(POISONED + CROSS))
    roles = torch.tensor([int(row in CROSS) for row in index.tolist()], dtype=torch.int8)
    labels = torch.where(roles == 0, 3, clean.labels[index])
    changed = PoisonedRows(index, 255 - clean.images[index], labels, clean.labels[index], roles)
    return overlay(clean, changed), changed


def rows_of(data, samples):
    """Which rows of a data set these are."""
    pixels = (255 * samples.images).round().to(torch.uint8)
    return [next(row for row in range(len(data)) if torch.equal(data.images[row], one)) for one in pixels]


def test_images_of_each_kind_are_drawn_from_its_rows_with_their_given_labels(given, trainer) -> None:
    data, changed = given
    kinds = watch_static(WATCHING, trainer, data, changed, 0, 9).kinds(1, None)
    shares = {kind: samples.share for kind, samples in kinds.items()}
    assert shares == {"clean": 11 / 16, "poisoned": 3 / 16, "cross": 2 / 16}
    rows = {kind: rows_of(data, samples) for kind, samples in kinds.items()}
    assert set(rows["poisoned"]) < set(POISONED)
    assert set(rows["cross"]) == set(CROSS)
    assert not set(rows["clean"]) & {*POISONED, *CROSS}
    assert all(len(drawn) == 2 for drawn in rows.values())
    for kind, samples in kinds.items():
        assert torch.equal(samples.labels, data.labels[rows[kind]]), "as they are trained on"


def test_the_seed_draws_them(given, trainer) -> None:
    data, changed = given
    drawn = [
        rows_of(data, watch_static(WATCHING, trainer, data, changed, seed, 9).kinds(1, None)["clean"])
        for seed in (0, 0, 1, 2)
    ]
    assert drawn[0] == drawn[1]
    assert len({tuple(rows) for rows in drawn}) > 1


class DarkPatch(CrossSampledAttack):
    """White corners poison, black ones are cross samples."""

    name: ClassVar[str] = "dark_patch"
    trigger_type: ClassVar[type[PatchTrigger]] = PatchTrigger

    def craft(self, train, env):
        return PatchTrigger(3)

    def cross(self, images, trigger, draws):
        stamped = images.clone()
        stamped[:, :, -3:, -3:] = 0
        return stamped

    def train(self, data, trigger, victim, env):
        raise NotImplementedError


def test_an_attacker_who_draws_anew_stamps_them_with_the_trigger_as_it_is(make_set, make_env) -> None:
    data, env = make_set(rows=40), make_env(target=2)
    attack = DarkPatch(cross_ratio=2, training={"schedule": "constant", "milestones": (), "gamma": 0.1})
    kinds = watch_controlled(WATCHING, attack, data, env, 9).kinds(1, PatchTrigger(3))
    assert {kind: samples.share for kind, samples in kinds.items()} == {
        "clean": 0.25, "poisoned": 0.25, "cross": 0.5,
    }  # fmt: skip
    corners = {kind: samples.images[:, :, -3:, -3:] for kind, samples in kinds.items()}
    assert (corners["poisoned"] == 1).all()
    assert (corners["cross"] == 0).all()
    assert kinds["poisoned"].labels.tolist() == [2, 2]
    plain = rows_of(data, kinds["clean"])
    assert torch.equal(kinds["clean"].labels, data.labels[plain])
    inside = data.images[:, :, :-3].float() / 255
    crossed = [int((inside == one[:, :-3]).flatten(1).all(1).nonzero()) for one in kinds["cross"].images]
    assert torch.equal(kinds["cross"].labels, data.labels[crossed]), "true labels"
    assert not set(plain) & set(crossed)
