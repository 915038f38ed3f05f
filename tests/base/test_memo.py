"""What was made is found again by plain values, or by the very same tables."""

import os
import time
from pathlib import Path

from backdoor_pipeline.base.memo import SETTLED, FileMemo, Memo


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


def written(file: Path, text: str, seconds_ago: float) -> None:
    file.write_text(text)
    then = time.time() - seconds_ago
    os.utime(file, (then, then))


def test_what_was_made_of_files_is_made_anew_once_one_changes(tmp_path) -> None:
    a, b, memo = tmp_path / "a", tmp_path / "b", FileMemo()
    made: list[str] = []

    def read() -> str:
        made.append(a.read_text() + b.read_text())
        return made[-1]

    written(a, "1", 100)
    written(b, "2", 100)
    assert [memo.of("both", [a, b], read) for _ in range(3)] == ["12"] * 3
    assert len(made) == 1
    assert memo.of("other", [a, b], lambda: "else") == "else"
    written(b, "3", 50)
    assert [memo.of("both", [a, b], read) for _ in range(2)] == ["13"] * 2
    assert memo.of("both", [a], read) == "13"
    assert len(made) == 3


def test_a_file_that_was_written_just_now_is_read_again(tmp_path) -> None:
    file, memo = tmp_path / "a", FileMemo()
    written(file, "1", 0)
    first = file.stat()
    assert memo.of("a", [file], file.read_text) == "1"
    file.write_text("2")
    os.utime(file, ns=(first.st_atime_ns, first.st_mtime_ns))  # within one tick of the clock
    assert memo.of("a", [file], file.read_text) == "2"
    assert SETTLED >= 1e9
