"""Temporary files of killed writers are cleared away; those of living ones are not."""

import subprocess
import sys
from pathlib import Path

import pytest

from backdoor_pipeline.base import leftovers
from backdoor_pipeline.base.files import replacing
from backdoor_pipeline.base.leftovers import clear_leftovers

WRITE = """
import sys
from pathlib import Path
from backdoor_pipeline.base.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path):
    """A process that has half of `tmp_path / "file"` written."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path / "file")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    yield process
    process.kill()
    process.wait()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_killed_writers_file_goes_when_the_same_is_written_again(tmp_path, writer) -> None:
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("whole")
    assert len(names(tmp_path)) == 2, "the other writer lives"
    writer.kill()
    writer.wait()
    assert len(names(tmp_path)) == 2
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("again")
    assert names(tmp_path) == ["file"]


def test_or_when_the_folder_is_cleared(tmp_path, writer) -> None:
    (tmp_path / ".other.json.12345678.tmp").touch()
    (tmp_path / "mine.tmp").touch()
    clear_leftovers(tmp_path, "file")
    clear_leftovers(tmp_path / "absent")
    assert ".other.json.12345678.tmp" in names(tmp_path)
    clear_leftovers(tmp_path)
    assert len(names(tmp_path)) == 2, "a living writer's, and one that is none of ours"
    writer.kill()
    writer.wait()
    clear_leftovers(tmp_path)
    assert names(tmp_path) == ["mine.tmp"]


def test_a_living_writers_file_is_renamed_whatever_others_clear(tmp_path, writer) -> None:
    clear_leftovers(tmp_path)
    writer.communicate("")
    assert (tmp_path / "file").read_text() == "half"
    assert names(tmp_path) == ["file"]


def test_where_files_cannot_be_locked_they_are_written_and_left(tmp_path, monkeypatch) -> None:
    (tmp_path / ".file.12345678.tmp").touch()

    def fail(*_: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(leftovers.fcntl, "flock", fail)
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == [".file.12345678.tmp", "file"]
