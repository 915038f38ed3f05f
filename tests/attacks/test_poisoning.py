from typing import ClassVar

import pytest
import torch

from backdoor_pipeline.attacks.control import CrossSampledAttack
from backdoor_pipeline.attacks.methods.badnets import BadNets, PatchTrigger
from backdoor_pipeline.attacks.poisoning import poison
from backdoor_pipeline.data.poisoned import overlay


class CleanLabelPatch(BadNets):
    name: ClassVar[str] = "clean_label_patch"
    clean_label: ClassVar[bool] = True


def make(attack, make_set, env):
    train, test = make_set(rows=40), make_set(rows=12)
    return train, test, poison(attack, train, test, env, poison_target_class=True)


def test_all_to_one_rows(make_set, make_env) -> None:
    train, _, made = make(BadNets(patch_size=3), make_set, make_env(target=2))
    assert len(made.train) == 10
    assert made.train.labels.tolist() == [2] * 10
    assert torch.equal(made.train.true_labels, train.labels[made.train.index])
    expected = train.images[made.train.index].clone()
    expected[:, :, 29:, 29:] = 255
    assert torch.equal(made.train.images, expected)
    # every test image of another class is triggered, none of the target class
    assert made.test.index.tolist() == [i for i in range(12) if i % 4 != 2]
    assert made.test.labels.tolist() == [2] * 9


def test_all_to_all_rows(make_set, make_env) -> None:
    _, test, made = make(BadNets(patch_size=3), make_set, make_env("all_to_all", None))
    assert torch.equal(made.train.labels, (made.train.true_labels + 1) % 4)
    assert len(made.test) == len(test)
    assert torch.equal(made.test.labels, (test.labels + 1) % 4)


def test_clean_label_keeps_labels_and_targets_the_test_set(make_set, make_env) -> None:
    _, _, made = make(CleanLabelPatch(patch_size=3), make_set, make_env(target=1))
    assert made.train.true_labels.tolist() == made.train.labels.tolist() == [1] * 10
    assert made.test.labels.tolist() == [1] * 9
    assert not (made.test.true_labels == 1).any()


def test_overlay_changes_only_the_poisoned_rows(make_set, make_env) -> None:
    train, _, made = make(BadNets(patch_size=3), make_set, make_env())
    given = overlay(train, made.train)
    untouched = ~made.train.mask(len(train))
    assert torch.equal(given.images[untouched], train.images[untouched])
    assert torch.equal(given.labels[untouched], train.labels[untouched])
    assert torch.equal(given.images[made.train.index], made.train.images)
    assert (given.labels[made.train.index] == 0).all()
    assert train.labels.tolist() == [i % 4 for i in range(40)], "the clean set must stay as it is"


class DarkPatch(CrossSampledAttack):
    """White corners poison, black ones are cross samples."""

    name: ClassVar[str] = "dark_patch"
    trigger_type: ClassVar[type[PatchTrigger]] = PatchTrigger

    def craft(self, train, env):
        return PatchTrigger(3)

    def cross(self, images, trigger, draws):
        shades = torch.randint(0, 9, (len(images), 1, 1, 1), generator=draws, dtype=torch.uint8)
        stamped = images.clone()
        stamped[:, :, -3:, -3:] = shades
        return stamped

    def train(self, data, trigger, victim, env):
        raise NotImplementedError


@pytest.mark.parametrize(("cross_ratio", "crossed"), [(0, 0), (2, 20), (0.5, 5), (5, 30)])
def test_cross_rows_keep_their_labels_and_are_never_poisoned_ones(
    make_set, make_env, cross_ratio, crossed
) -> None:
    schedule = {"schedule": "constant", "milestones": (), "gamma": 0.1}
    train, _, made = make(DarkPatch(cross_ratio=cross_ratio, training=schedule), make_set, make_env())
    planted, cross = made.train.of_role("poisoned"), made.train.of_role("cross")
    assert (len(planted), len(cross)) == (10, crossed), "as many as asked for, or all that are left"
    assert made.train.index.tolist() == sorted({*planted.index.tolist(), *cross.index.tolist()})
    assert torch.equal(cross.labels, train.labels[cross.index])
    assert torch.equal(cross.true_labels, cross.labels)
    assert (planted.images[:, :, 29:, 29:] == 255).all()
    assert (cross.images[:, :, 29:, 29:] < 9).all()
    assert torch.equal(cross.images[:, :, :29], train.images[cross.index][:, :, :29])
    same = poison(
        DarkPatch(cross_ratio=cross_ratio, training=schedule),
        train,
        train,
        make_env(),
        poison_target_class=True,
    )
    assert torch.equal(same.train.images, made.train.images), "the same bytes of the same seed"


class Streamed:
    """A tensor behind the interface of a streaming folder."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images, self.shape = images, images.shape

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index].clone()

    def take(self, index):
        return Streamed(self.images[index])


@pytest.mark.parametrize("index", [slice(3, 20), torch.tensor([30, 2, 2, 17])])
def test_overlay_of_a_streamed_set_reads_the_same(make_set, make_env, index) -> None:
    train, _, made = make(BadNets(patch_size=3), make_set, make_env())
    resident = overlay(train, made.train)
    streamed = overlay(type(train)(Streamed(train.images), train.labels, train.classes), made.train)
    assert torch.equal(streamed.images[index], resident.images[index])
    some = torch.tensor([5, 1, 33])
    assert torch.equal(streamed.subset(some).images[:], resident.subset(some).images)
    again = torch.tensor([2, 0])
    twice = streamed.subset(some).subset(again)
    assert torch.equal(twice.images[:], resident.subset(some[again]).images)
    assert torch.equal(twice.labels, resident.labels[some[again]])
    assert streamed.images.shape == resident.images.shape
