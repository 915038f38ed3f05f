"""What is made again and again of the same things, made once."""

import time
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

PLAIN = (str, int, float, type(None))
SETTLED = 2_000_000_000  # nanoseconds: a file written later may be written again within a clock's tick


class Memo:
    """Remembers results by their function and arguments: plain values by what they are, others by identity.

    So nothing has to be compared. The others are kept, and nobody may change them.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], tuple[object, Any]] = {}

    def of(self, make: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What the function makes of these, which it takes by their places.

        >>> memo, table = Memo(), {"a": 1}
        >>> memo.of(list, table) is memo.of(list, table), memo.of(list, table) is memo.of(list, {"a": 1})
        (True, False)
        """
        assert not named
        key = (make, *((type(one), one) if isinstance(one, PLAIN) else id(one) for one in given))
        if key not in self._made:
            self._made[key] = (given, make(*given, **named))
        found: T = self._made[key][1]
        return found


class FileMemo:
    """Remembers what was made of files for as long as these are the same: in place, size and time of writing.

    What is remembered is shared: nobody may change it.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[object, Any]] = {}

    def of(self, name: Hashable, files: Iterable[Path], make: Callable[[], T]) -> T:
        """What `make()` returns, or has returned under this name when the files were as they are now.

        Raises:
            OSError: one of the files cannot be looked at.
        """
        begun = time.time_ns()
        found = [(file, file.stat()) for file in files]
        stamp = [(file, one.st_ino, one.st_size, one.st_mtime_ns) for file, one in found]
        known, made = self._made.get(name, (None, None))
        if known != stamp:
            made = make()
            self._made.pop(name, None)
            if all(begun - one.st_mtime_ns > SETTLED for _, one in found):
                self._made[name] = (stamp, made)
        remembered: T = made
        return remembered
