"""Whether a model and samples fit each other, seen before any work (P8)."""

from torch import Tensor, nn

from backdoor_pipeline.api.checks import FAILURES, brief, kind_of_samples, sized
from backdoor_pipeline.base.errors import UserError, quoted, user_error
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.models import Classifier, TextClassifier
from backdoor_pipeline.training import Trainer


def kind_of_model(model: Classifier) -> Kind:
    """Whether a model reads images or texts."""
    return "text" if isinstance(model, TextClassifier) else "image"


def see_that_it_is_for(model: Classifier, data: SampleSet, which: str) -> None:
    """See that samples are of the kind, the size and the classes that a model was made for.

    Args:
        model: the model.
        data: the samples.
        which: what they are, in the plural, for the message.

    Raises:
        UserError: they are not.
    """
    see_that_it_reads(model, data, which)
    if len(data.classes) > model.description.num_classes:
        raise UserError(
            f"the {which} have {len(data.classes)} classes, the model {model.description.num_classes}."
        )


def see_that_it_reads(model: nn.Module, data: SampleSet, which: str) -> None:
    """See that samples are of the kind and the size that a model reads; of a plain network nobody knows.

    Args:
        model: the model.
        data: the samples.
        which: what they are, in the plural, for the message.

    Raises:
        UserError: they are not, or it is no model at all.
    """
    if not isinstance(model, nn.Module):
        raise UserError(f"{quoted(model)} is no model: give a PyTorch module, such as new_model(...) makes.")
    if not isinstance(model, Classifier):
        return
    known, kind = model.description, kind_of_samples(data)
    if kind_of_model(model) != kind:
        raise UserError(f"model '{known.name}' reads {kind_of_model(model)}s, and the {which} are {kind}s.")
    if isinstance(data, ImageSet):
        wanted = sized((known.channels, known.image_size, known.image_size))
        if (found := sized(data.image_shape)) != wanted:
            raise UserError(f"the {which} are of {found} (channels, height, width), the model of {wanted}.")


def see_that_it_answers(
    trainer: Trainer, model: nn.Module, data: SampleSet, wanted: Tensor | None = None
) -> None:
    """Ask a model about one sample, and see that its answer has a number for every class.

    Args:
        trainer: the engine.
        model: the model.
        data: the samples.
        wanted: more labels that are to be among its classes, int64, (n,).

    Raises:
        UserError: it takes no such samples, or puts out something else.
    """
    see_that_it_reads(model, data, "samples")
    name = type(model).__name__
    if next(model.parameters(), None) is None:
        raise UserError(f"{name} has no weights: give a network that ends with a linear layer.")
    try:
        shape = tuple(trainer.logits(model, data.inputs[:1]).shape)
    except FAILURES as error:
        lack = user_error(error)  # of memory, which is no fault of the samples' kind
        raise lack or UserError(f"{name} takes no samples such as these: {brief(error)}.") from error
    highest = int(data.labels.max())
    if wanted is not None and len(wanted):
        highest = max(highest, int(wanted.max()))
    if len(shape) != 2:
        raise UserError(f"{name} puts out {shape} of one sample, not logits, (1, K).")
    if highest >= shape[1]:
        raise UserError(f"the samples have labels up to {highest}, the model {shape[1]} classes.")
