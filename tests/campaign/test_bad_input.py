"""Whatever is typed: exit code 1 (2 for what click refuses), one sentence, no traceback, nothing written."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.scratch import make_project

from .bad_input import Case, all_cases
from .warm import WarmKedro

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kedro(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmKedro]:
    """Commands in a fresh checkout, so to say, which lies in a folder of its own."""
    project = make_project(tmp_path_factory.mktemp("around") / "project")
    (project / "notebooks").mkdir()
    warm = WarmKedro(project, tmp_path_factory.mktemp("printed"))
    yield warm
    warm.close()


@pytest.fixture
def put(kedro: WarmKedro) -> Iterator[dict[str, bytes]]:
    """Files that a case needs, and no other has."""
    files: dict[str, bytes] = {}
    yield files
    shutil.rmtree(kedro.project / "conf/local")
    (kedro.project / "conf/local").mkdir()
    for name in files:
        (kedro.project / name).unlink(missing_ok=True)


def everything(folder: Path) -> set[tuple[str, int]]:
    """All files and folders, and when each was last written to."""
    return {(str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_it_ends_in_a_sentence_and_nothing_is_written(kedro: WarmKedro, put, case: Case) -> None:
    for name, content in case.files.items():
        (kedro.project / name).parent.mkdir(parents=True, exist_ok=True)
        (kedro.project / name).write_bytes(content)
    put.update(case.files)
    before = everything(kedro.project.parent)
    done = kedro.run(*case.words, **case.env)
    assert everything(kedro.project.parent) == before
    assert "Traceback" not in done.stdout + done.stderr
    assert done.code in (1, 2), done
    said = done.stderr.strip().splitlines()
    assert said[-1].startswith("Error: "), done
    assert case.says in said[-1], done
    if done.code == 1:
        assert len(said) == 1, done


def test_there_are_as_many_as_promised() -> None:
    cases = all_cases()
    assert len(cases) >= 200
    assert len({case.id for case in cases}) > 0.95 * len(cases)
