"""Batches of a data set on a device: resident there if they fit, else read ahead in the background."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Full, Queue
from threading import Event, Thread

import torch
from torch import Tensor

from backdoor_pipeline.data.images import Images

READ_AHEAD = 2  # batches
RESIDENT_SHARE = 0.5  # of a GPU's free memory that a data set may take


class BatchSource:
    """A data set as a source of batches on a device, of uint8 images or of token ids.

    Tensor images are copied to the device once. Streamed images, and tensors too large for a GPU, are read by
    a thread that stays two batches ahead. Both give the same batches. Token ids are small, and cut to the
    longest row of each batch before they are sent: the device need not be asked how long that is.

    Args:
        inputs: uint8 images (N, C, H, W), or ids, int64, (N, L), padded with 0.
        labels: int64, (N,).
        device: where the batches are needed.
    """

    def __init__(self, inputs: Images, labels: Tensor, device: torch.device) -> None:
        self._device = device
        self._labels = labels.to(device)
        self._inputs = at_hand(inputs, device)
        on_device = isinstance(self._inputs, Tensor) and self._inputs.device == device
        self._resident = on_device and not (isinstance(inputs, Tensor) and are_ids(inputs))

    def __len__(self) -> int:
        return len(self._labels)

    def batches(self, plan: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Inputs and labels of every batch of the plan, on the device, and its rows, on the CPU.

        Args:
            plan: the rows of each batch, int64, on the CPU.
        """
        if self._resident:
            places = torch.cat(list(plan)).to(self._device).split([len(rows) for rows in plan])
            for rows, index in zip(plan, places, strict=True):
                yield self._inputs[index], self._labels[index], rows
            return
        for rows, inputs in read_ahead(self._inputs_at, plan):
            index = sent(rows, self._device)
            yield sent(inputs, self._device), self._labels[index], rows

    def _inputs_at(self, rows: Tensor) -> Tensor:
        inputs = self._inputs[rows]
        if are_ids(inputs):
            inputs = cut_to_longest(inputs)
        return inputs.pin_memory() if self._device.type == "cuda" else inputs


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on the device, which is not waited for: what it still has to do, it does before."""
    return tensor.to(device, non_blocking=True)


def cut_to_longest(ids: Tensor) -> Tensor:
    """Token ids, int64, (n, L), without the columns at the end that hold padding (0) only."""
    return ids[:, : int((ids != 0).sum(1).max())]


def are_ids(inputs: Tensor) -> bool:
    """Whether these are token ids, and not images."""
    return inputs.dtype == torch.int64


def plan_batches(order: Tensor, size: int) -> list[Tensor]:
    """The order cut into batches; the last may be smaller, but a single left-over row joins the batch before.

    A batch of one has no variance for BatchNorm to normalize by.
    """
    plan = list(order.split(size))
    if size > 1 and len(plan) > 1 and len(plan[-1]) == 1:
        plan[-2:] = [torch.cat(plan[-2:])]
    return plan


def batches_of(rows: int, size: int) -> int:
    """How many batches one pass over so many rows has."""
    return len(plan_batches(torch.arange(rows), size))


def plan_epoch(
    order_of: Callable[[int], Tensor], size: int, epoch: int, steps: int | None = None
) -> list[Tensor]:
    """The batches of an epoch, counted from 1: a pass over the rows, or the next `steps` of pass after pass.

    Args:
        order_of: the rows in the order of a pass, counted from 1.
        size: rows of a batch.
        epoch: whose batches.
        steps: batches of every epoch; None: those of one pass.
    """
    if steps is None:
        return plan_batches(order_of(epoch), size)
    per_pass = len(plan_batches(order_of(1), size))
    first = (epoch - 1) * steps
    passes = range(first // per_pass, -(-(first + steps) // per_pass))
    plan = [batch for number in passes for batch in plan_batches(order_of(number + 1), size)]
    return plan[first % per_pass :][:steps]


def at_hand(images: Images, device: torch.device) -> Images:
    """A tensor of images on the device, copied there at once if it fits; all else as it is.

    Token ids stay where they are: they are cut batch by batch.
    """
    if isinstance(images, Tensor) and not are_ids(images) and _fits(images, device):
        return images.to(device)
    return images


def _fits(images: Tensor, device: torch.device) -> bool:
    if device.type != "cuda" or images.device == device:
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.numel() * images.element_size() <= RESIDENT_SHARE * free


def read_ahead(read: Callable[[Tensor], Tensor], plan: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """(rows, what was read there) for every batch of the plan, read in a thread that stays two ahead.

    An error in the thread is raised here; a consumer that stops early stops the thread.
    """
    ready: Queue[tuple[Tensor, Tensor] | Exception] = Queue(READ_AHEAD)
    stopped = Event()

    def put(item: tuple[Tensor, Tensor] | Exception) -> None:
        while not stopped.is_set():
            with suppress(Full):
                ready.put(item, timeout=0.1)
                return

    def work() -> None:
        try:
            for rows in plan:
                if stopped.is_set():
                    return
                put((rows, read(rows)))
        except Exception as error:
            put(error)

    thread = Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        for _ in plan:
            item = ready.get()
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
