"""Runs that are killed, at every rename and at random moments, end as if nothing had happened (P4)."""

import random
import time
from collections import Counter

import pytest

from campaign.conftest import Tally
from campaign.faults import Fault
from campaign.reference import PURPOSES, Reference

pytestmark = pytest.mark.slow

RANDOM_KILLS = 60


def test_killed_before_and_after_every_rename(reference: Reference, tally: Tally) -> None:
    """One experiment; every run goes on from where the one before was killed."""
    reference.begin()
    kills, trained = 0, Counter[str]()
    for target in reference.renames:
        reference.undraw(target)
        for at in ("rename", "renamed"):
            done, epochs = reference.disturbed(Fault("kill", at, target))
            assert done.code == -9, f"{at} {target}: {done}"
            kills += 1
            trained.update({purpose: len(epochs[purpose]) for purpose in PURPOSES})
    reference.finish()
    for purpose in PURPOSES:
        whole = len(reference.epochs[purpose])
        assert trained[purpose] == 2 * whole, "an epoch is repeated only if its own checkpoint was cut off"
    tally("killed just before, and just after, a file was put in place", kills, kills)


def test_killed_at_random_moments(reference: Reference, tally: Tally) -> None:
    """Again and again from the beginning, whenever the experiment got to its end."""
    draws, kills = random.Random(0), 0
    reference.begin()
    start = time.monotonic()
    reference.finish()
    whole = time.monotonic() - start
    reference.begin()
    while kills < RANDOM_KILLS:
        done, _ = reference.disturbed(Fault("kill", seconds=draws.uniform(0.01, 0.6) * whole))
        if done.code == -9:
            kills += 1
        else:
            assert done.code == 0, done
            reference.finish()
            reference.begin()
    reference.finish()
    tally("killed at a random moment", kills, kills)
