"""A disk that is full at any write: a sentence names the file, and with room again a run goes on (P4, P8)."""

from itertools import cycle

import pytest

from campaign.conftest import Tally
from campaign.faults import Fault, Operation
from campaign.reference import Reference
from campaign.state import state

pytestmark = pytest.mark.slow

CACHE = "01_raw/.manifests/"  # what was read of the data: a run goes on without it
FULL, CUT_OFF = (
    "the disk is full: make room",
    "files may not get that large here: raise the limit (ulimit -f)",
)


def test_a_full_disk_at_every_write(reference: Reference, tally: Tally) -> None:
    """Every file's first write fails: as it is opened, written, flushed, or renamed, in turn."""
    reference.begin()
    ways = cycle(("open", "write", "fsync", "rename"))
    relied_on = [name for name in reference.renames if not name.startswith(CACHE)]
    for target, at in zip(relied_on, ways, strict=False):
        reference.undraw(target)
        done, _ = reference.disturbed(Fault("full", at, target))
        assert done.code == 1, f"{at} {target}: {done}"
        told = done.stderr.strip().splitlines()[-1]
        assert "Traceback" not in done.stdout + done.stderr
        assert told.startswith("Error: ")
        assert f"{target} cannot be written, as {CUT_OFF if at == 'write' else FULL}" in told
        assert not [name for name in state(reference.kedro.project) if name.endswith(".tmp")]
    reference.finish()
    tally("disk full while a file was opened, written, flushed or renamed", *[len(relied_on)] * 2)


@pytest.mark.parametrize("at", ["open", "write", "fsync", "rename"])
def test_what_was_read_of_the_data_need_not_be_kept(reference: Reference, at: Operation) -> None:
    (target,) = (name for name in reference.renames if name.startswith(CACHE))
    reference.begin()
    done, _ = reference.disturbed(Fault("full", at, target))
    assert done.code == 0, done
    reference.finish()
