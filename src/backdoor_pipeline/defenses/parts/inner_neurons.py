"""The neurons of a BERT's last feed-forward layer, which fine-pruning prunes in the place of channels."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from backdoor_pipeline.data.samples import Inputs
from backdoor_pipeline.models.bert import Block, Packing
from backdoor_pipeline.models.text_classifier import TextClassifier
from backdoor_pipeline.training import Trainer


class InnerNeurons:
    """What lies between the two layers of the last block's inner part, after the GELU.

    A neuron whose column of the second layer is zero is as good as gone.

    Attributes:
        layer: that second layer, (I) to (D).
        weight: the name of its weights in the model.
    """

    def __init__(self, trainer: Trainer, model: TextClassifier) -> None:
        block = model.backbone.layers[-1]
        assert isinstance(block, Block)
        self._trainer, self._model, self._block = trainer, model, block
        self.layer = block.narrow
        self.weight = f"backbone.layers.{len(model.backbone.layers) - 1}.narrow.weight"

    def activity(self, inputs: Inputs) -> Tensor:
        """How active each neuron is, the mean over all tokens of the texts: float32, (I,)."""

        def summed(ids: Tensor) -> Tensor:
            with self._noted() as noted:
                self._model(ids)
            active = noted["active"].float()[: Packing(ids != 0).tokens]
            return torch.cat([active.sum(0), active.new_tensor([len(active)])])[None]

        found = self._trainer.outputs(self._model, summed, inputs).sum(0)
        return found[:-1] / found[-1]

    def accuracies_while_pruning(self, inputs: Inputs, labels: Tensor, order: Tensor) -> list[float]:
        """The accuracy with the first 0, 1, ..., I - 1 neurons of `order` pruned, from one pass over texts.

        What the last block makes of a text's first token is all that the head gets, so that is all that is
        computed anew.

        Args:
            inputs: N texts.
            labels: int64, (N,).
            order: a permutation of the I neurons.
        """
        width, accuracies = self._model.backbone.width, []
        firsts = self._trainer.outputs(self._model, self._firsts, inputs)
        before, active = firsts[:, :width], firsts[:, width:]
        with torch.inference_mode():
            inner = self.layer(active)
            for neuron in order.tolist():
                predicted = self._classified(before + inner).argmax(1)
                accuracies.append((predicted == labels).double().mean().item())
                inner = inner - active[:, neuron, None] * self.layer.weight[:, neuron]
        return accuracies

    def _firsts(self, ids: Tensor) -> Tensor:
        """Of each text's first token what the inner part gets, and its neurons: (N, D + I)."""
        with self._noted() as noted:
            self._model(ids)
        packing = Packing(ids != 0)
        return torch.cat([packing.firsts(noted[name]).float() for name in ("before", "active")], 1)

    def _classified(self, summed: Tensor) -> Tensor:
        """Logits (N, K), of what the last block's LayerNorm gets: (N, D)."""
        pooled = torch.tanh(self._model.backbone.pooler(self._block.output_norm(summed)))
        logits: Tensor = self._model.head(pooled)
        return logits

    @contextmanager
    def _noted(self) -> Iterator[dict[str, Tensor]]:
        """Notes, while the model runs, what either layer of the inner part gets: of all tokens, packed."""
        noted: dict[str, Tensor] = {}

        def note(name: str, layer: nn.Linear) -> torch.utils.hooks.RemovableHandle:
            return layer.register_forward_pre_hook(lambda _, given: noted.update({name: given[0]}))

        hooks = [note("before", self._block.widen), note("active", self._block.narrow)]
        try:
            yield noted
        finally:
            for hook in hooks:
                hook.remove()
