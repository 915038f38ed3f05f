"""What was made is found again by plain values, or by the very same tables."""

from backdoor_pipeline.base.memo import Memo


def counted(*given: object) -> list[object]:
    return [*given]


def test_it_is_made_once_of_the_same_and_anew_of_what_differs() -> None:
    memo, table = Memo(), {"a": 1}
    first = memo.of(counted, "badnets", table, None)
    assert first == ["badnets", {"a": 1}, None]
    assert memo.of(counted, "badnets", table, None) is first
    assert memo.of(counted, "badnets", {"a": 1}, None) is not first, "an equal table may change on its own"
    assert memo.of(counted, "blended", table, None) is not first
    assert memo.of(counted, True) != memo.of(counted, 2)
    assert memo.of(counted, True) is not memo.of(counted, 1), "equal, but not the same to who is asked"


def test_tables_that_nobody_else_holds_are_not_mistaken_for_later_ones() -> None:
    memo = Memo()
    made = [memo.of(counted, {"value": number})[0] for number in range(100)]
    assert made == [{"value": number} for number in range(100)]


def test_what_fails_is_tried_again() -> None:
    memo, tried = Memo(), []

    def fails(name: str) -> None:
        tried.append(name)
        raise ValueError(name)

    for _ in range(2):
        try:
            memo.of(fails, "a")
        except ValueError:
            continue
    assert tried == ["a", "a"]
