"""A state dict's names as a network has them: whatever it was nested in, and renamed as its owner says."""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError

COUNTER = "num_batches_tracked"  # of batch normalization; nothing in evaluation, and older files lack it
SHOWN = 3


def load_weights(
    network: nn.Module, found: Mapping[str, Tensor], renamed: Sequence[tuple[str, str]] = ()
) -> None:
    """Copy weights into a network, in place.

    Args:
        network: whose names and shapes they must have.
        found: by name. A prefix that all have, such as `module.` or `model.`, is dropped.
        renamed: beginnings of names in the file, and what they are in the network.

    Raises:
        UserError: some are missing, left over, or of another shape; the first few are named.
    """
    wanted = network.state_dict()
    named = {_rename(name, renamed): tensor for name, tensor in found.items()}
    prefix = _prefix(named, wanted)
    below = {name.removeprefix(prefix): one for name, one in named.items() if name.startswith(prefix)}
    missing = [name for name in wanted if name not in below and not name.endswith(COUNTER)]
    more = [name for name in below if name not in wanted]
    if missing or more:
        raise UserError(
            f"the file does not fit the network: {_some('it lacks', missing)}{_some('it also has', more)}"
            "give another --arch, or --rename OLD:NEW for beginnings of names."
        )
    for name, one in below.items():
        if one.shape != wanted[name].shape:
            raise UserError(
                f"'{name}' is {tuple(one.shape)} in the file and {tuple(wanted[name].shape)} in the network: "
                "give other --arguments, such as num_classes."
            )
    network.load_state_dict({**wanted, **below})


def _rename(name: str, renamed: Iterable[tuple[str, str]]) -> str:
    for old, new in renamed:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _prefix(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """What stands before the network's own names in the file; where that is not clear, nothing."""
    first = next(iter(wanted))
    fits = [name.removesuffix(first) for name in found if name == first or name.endswith(f".{first}")]
    counts = {prefix: sum(prefix + name in found for name in wanted) for prefix in fits}
    return max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")


def _some(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{what} {', '.join(names[:SHOWN])}{more}; "
