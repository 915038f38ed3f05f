"""A notebook's folder is not the project's, yet its logging is."""

import logging
from types import SimpleNamespace

import pytest
from helpers.scratch import PROJECT
from kedro.framework.project import LOGGING

from backdoor_pipeline.hooks.quiet import QuietHooks


@pytest.fixture
def kedro(monkeypatch):
    """Kedro's logger, as talkative as it is by default."""
    monkeypatch.setattr(LOGGING, "data", {})
    loggers = [logging.getLogger(name) for name in (None, "kedro", "backdoor_pipeline")]
    levels, handlers = [one.level for one in loggers], list(logging.getLogger().handlers)
    loggers[1].setLevel(logging.INFO)
    yield loggers[1]
    logging.getLogger().handlers = handlers
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


def test_the_projects_settings_count_in_other_folders(kedro, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEDRO_LOGGING_CONFIG", raising=False)
    QuietHooks().after_context_created(SimpleNamespace(project_path=PROJECT))
    assert kedro.level == logging.WARNING


def test_they_count_in_folders_of_the_project_whose_root_commands_go_to(kedro, monkeypatch) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("KEDRO_LOGGING_CONFIG", raising=False)
    QuietHooks().after_context_created(SimpleNamespace(project_path=PROJECT))
    assert kedro.level == logging.WARNING
    kedro.setLevel(logging.INFO)
    QuietHooks().after_context_created(SimpleNamespace(project_path=PROJECT))
    assert kedro.level == logging.INFO, "what counts already is left alone"


def test_what_kedro_was_told_goes_before(kedro, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEDRO_LOGGING_CONFIG", "mine.yml")
    QuietHooks().after_context_created(SimpleNamespace(project_path=PROJECT))
    assert kedro.level == logging.INFO


def test_a_project_without_the_file(kedro, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    QuietHooks().after_context_created(SimpleNamespace(project_path=tmp_path))
    assert kedro.level == logging.INFO
