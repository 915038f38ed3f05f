"""Passwords and tokens kept out of all that is printed or stored."""

import logging
import os
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

HIDDEN = "***"
LEAST = 3  # characters of a secret that is looked for by itself: fewer stand in too many words

URI, KEYS = "MLFLOW_TRACKING_URI", ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")

USER = re.compile(r"(?<=://)(?!/)[^\s'\"<>]*@")  # of an address; a password may hold / or @
QUERY = re.compile(r"([?&][^\s'\"<>=&?]+=)[^\s'\"<>&]+")  # ?name=value and &name=value
HEADER = re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?)(?:(?:basic|bearer)\s+)?[^\s'\",]+")
TELLING = re.compile(r"(?i)auth|credential|key|pass|pwd|secret|sig|token")  # names of such query values


def redact(text: str, *addresses: str) -> str:
    """A text without what opens a door: users of addresses, values of queries, and the secrets in use.

    >>> redact("no answer from https://me:pa55@host:5000/api?token=abc")
    'no answer from https://***@host:5000/api?token=***'

    Args:
        text: such as an error's.
        addresses: whose secrets may stand in the text by themselves; those of MLflow's environment may too.
    """
    for secret in sorted(_in_use(addresses), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return QUERY.sub(rf"\1{HIDDEN}", HEADER.sub(rf"\1{HIDDEN}", USER.sub(f"{HIDDEN}@", text)))


def without_secrets(address: str) -> str:
    """An address for those who have its secrets from elsewhere: without user and query, if it has any.

    >>> without_secrets("https://me:pa55@host:5000/mlflow?token=abc")
    'https://host:5000/mlflow'
    """
    if not any(_secrets_of(address)):
        return address
    scheme, mark, rest = address.partition("://")
    host = rest if rest.startswith("/") else rest.rpartition("@")[2]  # a password may hold / or @
    return f"{scheme}{mark}{host.partition('?')[0]}"


def guard_logs(address: str) -> None:
    """See that no record of any logger shows the secrets of this address, nor those of the environment.

    Others than this project write such records too: urllib3, for one, the addresses that do not answer.
    """
    make = logging.getLogRecordFactory()
    guard = make if isinstance(make, _Guard) else _Guard(make)
    guard.addresses.add(address)
    if any(_in_use(tuple(guard.addresses))):
        logging.setLogRecordFactory(guard)


class _Guard:
    """Makes log records without secrets."""

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make
        self.addresses: set[str] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._make(*args, **kwargs)
        try:
            text = record.getMessage()
        except Exception:  # arguments that do not fit: the handler says so
            return record
        if (told := redact(text, *self.addresses)) != text:
            record.msg, record.args = told, ()
        if record.exc_info:
            text = "".join(traceback.format_exception(record.exc_info[1]))
            if (told := redact(text, *self.addresses)) != text:
                record.exc_text, record.exc_info = told, None
        return record


def _in_use(addresses: tuple[str, ...]) -> set[str]:
    found = {os.environ.get(name, "") for name in KEYS}
    for address in (os.environ.get(URI, ""), *addresses):
        found.update(_secrets_of(address))
    return {secret for secret in found if len(secret) >= LEAST}


def _secrets_of(address: str) -> Iterator[str]:
    """As they stand in an address, and decoded: messages have either."""
    rest = address.partition("://")[2]
    user, at, _ = rest.rpartition("@")
    if at and not rest.startswith("/"):  # a file's address has no user
        name, _, password = user.partition(":")
        yield from (password or name, unquote(password or name))
    for pair in filter(None, address.partition("?")[2].split("&")):
        name, _, value = pair.partition("=")
        if TELLING.search(name):
            yield from (value, unquote(value))
