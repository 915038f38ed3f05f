"""Errors that a user can act on: one sentence that says what is wrong and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 100  # characters of what is quoted


class UserError(Exception):
    """Something the user can mend. The command line prints its sentence and exits with code 1."""


def user_error(error: BaseException | None) -> UserError | None:
    """The `UserError` that an error came from, however deep other layers wrapped it; or None.

    Too little memory is one, too: sizes are the user's.
    """
    while error is not None and not isinstance(error, UserError):
        if _is_lack_of_memory(error):
            return UserError(
                f"there is not enough memory; ask for less, a smaller batch, say ({_brief(error)})."
            )
        error = error.__cause__ or error.__context__
    return error


def _is_lack_of_memory(error: BaseException) -> bool:
    # PyTorch has a class of its own for GPUs, and none for CPUs
    return (
        isinstance(error, MemoryError)
        or "OutOfMemory" in type(error).__name__
        or "DefaultCPUAllocator" in str(error)
    )


def _brief(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:LONGEST] or type(error).__name__


def quoted(value: object) -> str:
    r"""What a user gave, as a message shows it: on one line, in quotes if it is text, and not too long.

    >>> print(quoted("a\nb"), quoted(3))
    'a\nb' 3
    """
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def unknown(kind: str, name: object, known: Iterable[object]) -> UserError:
    """An error for a name that is not known: the closest known one, and all of them.

    >>> str(unknown("attack", "badnet", ["badnets", "none"]))
    "unknown attack 'badnet': did you mean 'badnets'? Known: badnets, none."
    """
    names = sorted(map(str, known))
    close = get_close_matches(str(name)[:LONGEST], names, n=1)
    hint = f" did you mean '{close[0]}'?" if close else ""
    return UserError(f"unknown {kind} {quoted(str(name))}:{hint} Known: {', '.join(names) or 'none'}.")
