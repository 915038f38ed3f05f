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
from backdoor_pipeline.training.batches import READ_AHEAD, BatchSource, plan_batches, read_ahead


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


def test_streamed_batches_are_the_resident_ones() -> None:
    resident = data(20)
    assert isinstance(resident.images, Tensor)
    streamed = ImageSet(Stream(resident.images), resident.labels, resident.classes)
    plan = plan_batches(torch.randperm(20), 6)
    pairs = zip(
        BatchSource(resident, torch.device("cpu")).batches(plan),
        BatchSource(streamed, torch.device("cpu")).batches(plan),
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
