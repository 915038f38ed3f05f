"""How an epoch is cut into batches, and reading ahead."""

import threading
import time

import pytest
import torch
from helpers.training import Stream, data
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training.batches import (
    READ_AHEAD,
    BatchSource,
    batches_of,
    plan_batches,
    plan_epoch,
    read_ahead,
)


@given(st.integers(1, 60), st.integers(1, 20))
def test_a_plan_holds_every_row_once(n: int, size: int) -> None:
    order = torch.randperm(n)
    plan = plan_batches(order, size)
    assert torch.equal(torch.cat(plan), order)
    assert all(len(rows) == size for rows in plan[:-1])
    assert len(plan[-1]) <= size + 1


@pytest.mark.parametrize(
    ("n", "size", "lengths"), [(9, 4, [4, 5]), (10, 4, [4, 4, 2]), (3, 1, [1, 1, 1]), (1, 4, [1])]
)
def test_a_left_over_row_joins_the_batch_before(n: int, size: int, lengths: list[int]) -> None:
    assert [len(rows) for rows in plan_batches(torch.arange(n), size)] == lengths


def counted(number: int) -> Tensor:
    """Seven rows, told apart by the pass that they are in."""
    return 10 * number + torch.arange(7)


def test_an_epoch_of_so_many_steps_by_hand() -> None:
    """Batches of 3 make three of a pass: 10 11 12, 13 14 15 16, for the left-over row joins the second."""
    epochs = [[rows.tolist() for rows in plan_epoch(counted, 3, epoch, steps=3)] for epoch in (1, 2)]
    assert epochs[0] == [[10, 11, 12], [13, 14, 15, 16], [20, 21, 22]]
    assert epochs[1] == [[23, 24, 25, 26], [30, 31, 32], [33, 34, 35, 36]]
    assert [rows.tolist() for rows in plan_epoch(counted, 3, 2)] == [[20, 21, 22], [23, 24, 25, 26]]


@given(n=st.integers(1, 40), size=st.integers(1, 9), steps=st.integers(1, 30), epochs=st.integers(1, 5))
def test_epochs_of_steps_are_the_passes_one_after_the_other(
    n: int, size: int, steps: int, epochs: int
) -> None:
    def order(number: int) -> Tensor:
        return torch.randperm(n, generator=torch.Generator().manual_seed(number))

    ours = [rows for epoch in range(1, epochs + 1) for rows in plan_epoch(order, size, epoch, steps)]
    passes = -(-steps * epochs // batches_of(n, size))
    theirs = [rows for number in range(1, passes + 1) for rows in plan_batches(order(number), size)]
    assert len(ours) == steps * epochs
    assert all(torch.equal(*pair) for pair in zip(ours, theirs, strict=False))


def test_streamed_batches_are_the_resident_ones() -> None:
    resident = data(20)
    assert isinstance(resident.images, Tensor)
    streamed = ImageSet(Stream(resident.images), resident.labels, resident.classes)
    plan = plan_batches(torch.randperm(20), 6)
    pairs = zip(
        BatchSource(resident.images, resident.labels, torch.device("cpu")).batches(plan),
        BatchSource(streamed.images, streamed.labels, torch.device("cpu")).batches(plan),
        strict=True,
    )
    for here, there in pairs:
        assert all(torch.equal(left, right) for left, right in zip(here, there, strict=True))


def test_reading_stays_two_ahead_and_stops_with_its_consumer() -> None:
    reads: list[int] = []

    def read(rows: Tensor) -> Tensor:
        reads.append(int(rows))
        return rows

    batches = read_ahead(read, list(torch.arange(50).split(1)))
    next(batches)
    deadline = time.monotonic() + 5
    while len(reads) < READ_AHEAD + 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert READ_AHEAD + 1 <= len(reads) <= READ_AHEAD + 2  # taken, waiting, and one in hand
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_an_error_while_reading_reaches_the_consumer() -> None:
    def read(rows: Tensor) -> Tensor:
        if rows[0] == 2:
            raise OSError("disk gone")
        return rows

    with pytest.raises(OSError, match="disk gone"):
        list(read_ahead(read, list(torch.arange(5).split(1))))
