"""Checkpoints: a training that was killed goes on where it was, to the same weights (P4).

Everything random is drawn from (seed, purpose, epoch) and learning rates follow from step and losses, so a
checkpoint holds only the model, the optimizer's moments, the history and what an observer has seen. The last
one, written when training ends, is kept: a kill before the caller has written its own artefact must not cost
the training. Then the caller discards it.
"""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backdoor_pipeline.base.files import CorruptFileError, set_aside_if_there
from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors
from backdoor_pipeline.data.images import Images
from backdoor_pipeline.training.observer import Observer
from backdoor_pipeline.training.optimizers import Optimizers

logger = logging.getLogger(__name__)

History = list[dict[str, float]]

SECONDS = 300  # after which an epoch's end is worth a checkpoint, whatever its number
SAMPLED_IMAGES = 64  # of a streamed set: reading all of it would take as long as an epoch


class Checkpoint:
    """The checkpoint file of one training."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        """Name the file.

        Args:
            path: the safetensors file.
            fingerprint: of all that decides the weights; see `fingerprint`.
        """
        self._path = path
        self._fingerprint = fingerprint
        self._written = time.monotonic()

    def due(self, epoch: int, every: int) -> bool:
        """Whether to write one after this epoch, counted from 1: each so many, or as time has passed."""
        return epoch % every == 0 or time.monotonic() - self._written >= SECONDS

    def save(
        self, model: nn.Module, optimizers: Optimizers, history: History, observer: Observer | None = None
    ) -> None:
        """Write the state after `len(history)` epochs, whole or not at all."""
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for number, (optimizer, _) in enumerate(optimizers.each):
            for row, moments in optimizer.state_dict()["state"].items():
                tensors |= {
                    f"optimizer.{number}.{row}.{name}": moment
                    for name, moment in moments.items()
                    if moment is not None
                }
        if observer:
            tensors |= {f"observer.{name}": tensor for name, tensor in observer.state_dict().items()}
        rows: Any = [list(row.items()) for row in history]  # facts are sorted, but columns have their order
        save_tensors(self._path, tensors, {"fingerprint": self._fingerprint, "history": rows})
        self._written = time.monotonic()

    def resume(self, model: nn.Module, optimizers: Optimizers, observer: Observer | None = None) -> History:
        """Put the saved state into the model, the optimizers and the observer.

        Returns:
            The epochs already done; none if there is no checkpoint, or if it is damaged or belongs to another
            training: then it is set aside with a warning.
        """
        try:
            tensors, meta = load_tensors(self._path)
        except FileNotFoundError:
            return []
        except CorruptFileError as error:
            set_aside_if_there(self._path, str(error))
            return []
        if meta.get("fingerprint") != self._fingerprint:
            set_aside_if_there(self._path, "it is of a training with another recipe, seed, data or model")
            return []
        model.load_state_dict(_under("model.", tensors))
        for number, (optimizer, _) in enumerate(optimizers.each):
            _load_moments(optimizer, _under(f"optimizer.{number}.", tensors))
        if observer:
            observer.load_state_dict(_under("observer.", tensors))
        history: History = [dict(row) for row in meta["history"]]
        logger.info("%s: training goes on after epoch %d.", self._path, len(history))
        return history


def discard(path: Path) -> None:
    """Delete a checkpoint, once what the training was for is written."""
    path.unlink(missing_ok=True)


def fingerprint(model: nn.Module, inputs: Images, labels: Tensor, settings: Mapping[str, object]) -> str:
    """A hash of all that decides the trained weights.

    Args:
        model: with its initial weights.
        inputs: of the training set; all of a tensor counts, of streamed images 64.
        labels: its labels.
        settings: recipe, seed and the like, as their text shows them.
    """
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True, default=str).encode(), digest_size=16)
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        _add(digest, tensor)
    _add(digest, labels)
    _add(digest, _seen(inputs))
    return digest.hexdigest()


def _seen(images: Images) -> Tensor:
    if isinstance(images, Tensor):
        return images
    return images[torch.linspace(0, len(images) - 1, min(SAMPLED_IMAGES, len(images))).long()]


def _add(digest: "hashlib.blake2b", tensor: Tensor) -> None:
    digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _load_moments(optimizer: torch.optim.Optimizer, moments: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, moment in moments.items():
        row, name = key.split(".")
        state.setdefault(int(row), {})[name] = moment
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    for weight, loaded in optimizer.state.items():
        for name, moment in loaded.items():
            if moment.shape == weight.shape:  # in the weight's memory format, as if it had never left
                loaded[name] = torch.empty_like(weight).copy_(moment)
