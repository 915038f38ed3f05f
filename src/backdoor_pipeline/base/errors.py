"""Errors that a user can act on: one sentence that says what is wrong and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can mend. The command line prints its sentence and exits with code 1."""


def user_error(error: BaseException | None) -> UserError | None:
    """The `UserError` that an error came from, however deep other layers wrapped it; or None."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__ or error.__context__
    return error


def unknown(kind: str, name: object, known: Iterable[str]) -> UserError:
    """An error for a name that is not known: the closest known one, and all of them.

    >>> str(unknown("attack", "badnet", ["badnets", "none"]))
    "unknown attack 'badnet': did you mean 'badnets'? Known: badnets, none."
    """
    names = sorted(known)
    close = get_close_matches(str(name), names, n=1)
    hint = f" did you mean '{close[0]}'?" if close else ""
    return UserError(f"unknown {kind} '{name}':{hint} Known: {', '.join(names)}.")
