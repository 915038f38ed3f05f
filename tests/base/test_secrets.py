"""What opens a door is neither printed nor stored."""

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base.secrets import guard_logs, redact, without_secrets


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("at http://me:pa55@host:5000/api.", "at http://***@host:5000/api."),
        ("at https://pa55@host", "at https://***@host"),
        ("'postgresql://me:p/a@5@host/db'", "'postgresql://***@host/db'"),
        ("url: /api?token=abc&name=x y", "url: /api?token=***&name=*** y"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': '***'}"),
        ("Authorization: Basic bWU6cGE1NQ==", "Authorization: ***"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("nothing of the sort: 3 @ 4?", "nothing of the sort: 3 @ 4?"),
    ],
)
def test_texts(text, told) -> None:
    assert redact(text) == told


def test_secrets_in_use_are_found_wherever_they_stand(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:p%40ssword@host/x?sslmode=require&key=hidden1")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hidden2")
    told = redact("p@ssword p%40ssword hidden1 hidden2 require hidden3", "http://hidden3@other")
    assert told == "*** *** *** *** require ***"


def test_a_short_secret_does_not_blot_out_words(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "a")
    assert redact("a banana") == "a banana"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://host:5000", "http://host:5000"),
        ("http://me:pa55@host:5000/mlflow?token=abc", "http://host:5000/mlflow"),
        ("https://me:pa/s@s?w@host/x", "https://host/x"),
        ("http://me:pa55@[host", "http://[host"),
        ("postgresql://me@host/db?sslmode=require", "postgresql://host/db"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("", ""),
    ],
)
def test_addresses_to_pass_on(address, told) -> None:
    assert without_secrets(address) == told


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=4, max_size=20))
def test_no_password_is_left_in_its_address(password) -> None:
    address = f"http://user:{password}@host"
    assert redact(f"<{address}> failed", address) in ("<http://***@host> failed", "<***> failed")


@pytest.fixture
def log(monkeypatch):
    """A logger of others, and what it has written."""
    monkeypatch.setattr(logging, "_logRecordFactory", logging.LogRecord)  # restored after the test
    logger, written = logging.getLogger("others"), io.StringIO()
    handler = logging.StreamHandler(written)
    logger.addHandler(handler)
    yield logger, written
    logger.removeHandler(handler)


def test_no_log_of_others_tells_a_secret(log) -> None:
    logger, written = log
    guard_logs("http://me:pa55word@host")
    guard_logs("http://other?token=hidden")
    logger.warning("Retrying %s with %s", "/x?token=hidden", "pa55word")
    try:
        raise ValueError("pa55word")
    except ValueError:
        logger.exception("failed")
    told = written.getvalue()
    assert "Retrying /x?token=*** with ***" in told
    assert "ValueError: ***" in told
    assert "pa55word" not in told
    assert "hidden" not in told


def test_a_record_whose_arguments_do_not_fit_is_left_to_its_handler(log) -> None:
    guard_logs("http://me:pa55word@host")
    record = logging.getLogRecordFactory()("others", 30, "file", 1, "%d", ("argument",), None)
    assert (record.msg, record.args) == ("%d", ("argument",))


def test_without_a_secret_logs_are_left_alone(log) -> None:
    guard_logs("sqlite:///mlflow.db")
    assert logging.getLogRecordFactory() is logging.LogRecord
