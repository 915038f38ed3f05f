import pytest
import torch

from backdoor_pipeline.base.errors import LONGEST, UserError, quoted, unknown, user_error


def test_what_is_quoted_is_one_short_line() -> None:
    assert quoted("a\nb\x1b") == r"'a\nb\x1b'"
    assert quoted(3) == "3"
    assert len(quoted("x" * 10_000)) <= LONGEST
    assert len(str(unknown("attack", "x" * 10_000, ["badnets"]))) < 2 * LONGEST


def test_an_unknown_name_where_none_is_known() -> None:
    assert str(unknown("namespace", "x", [])) == "unknown namespace 'x': Known: none."


def test_a_user_error_is_found_below_others() -> None:
    told, wrapped = UserError("told"), RuntimeError("wrapped")
    wrapped.__cause__ = KeyError("on the way")
    wrapped.__cause__.__context__ = told
    assert user_error(wrapped) is told
    assert user_error(KeyError("a fault")) is None
    assert user_error(None) is None


def test_too_little_memory_is_told() -> None:
    for make in (lambda: torch.empty(10**15), lambda: bytearray(10**15)):
        with pytest.raises((RuntimeError, MemoryError)) as raised:
            make()
        assert "not enough memory; ask for less" in str(user_error(raised.value))
