"""How often Python looks for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = (100_000, 50, 100)  # Python's own are 700 to 2,000, 10, 10


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for garbage in cycles a hundredth as often: for work that makes many objects, most of which stay.

    Not for trainings: there a cycle may hold tensors.
    """
    usual = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
