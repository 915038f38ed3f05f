"""What is made again and again of the same things, made once."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

PLAIN = (str, int, float, type(None))


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
