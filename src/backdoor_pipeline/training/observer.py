"""Who looks on while a model is trained, and has no hand in it."""

from abc import ABC, abstractmethod

from torch import nn

from backdoor_pipeline.training.objective import Batch


class Observer(nn.Module, ABC):
    """Sees every batch of a training right after its step.

    What it keeps lives in buffers: they are moved to the training device, and checkpoints hold them, so that
    a training that was resumed has been observed without a gap. Its `repr` is part of their identity.
    """

    @abstractmethod
    def see(self, batch: Batch) -> None:
        """Take note of a batch; `batch.reported` has its logits. Nothing here may wait for the device."""
