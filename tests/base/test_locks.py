import subprocess
import sys
from pathlib import Path

from backdoor_pipeline.base.locks import is_locked, lock_file, locked

HOLD = """
import sys
from pathlib import Path
from backdoor_pipeline.base.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
COUNT = """
import sys
from pathlib import Path
from backdoor_pipeline.base.locks import locked
number = Path(sys.argv[1]) / "number"
for _ in range(200):
    with locked(Path(sys.argv[1])):
        number.write_text(str(int(number.read_text()) + 1))
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_is_let_go_of_by_a_killed_process(tmp_path) -> None:
    folder = tmp_path / "digits/artefact"
    assert not is_locked(folder)
    process = holder(folder)
    assert is_locked(folder)
    assert not is_locked(tmp_path / "digits/other")
    process.kill()
    process.wait()
    assert not is_locked(folder)


def test_a_lock_is_also_one_within_a_process(tmp_path) -> None:
    with locked(tmp_path / "artefact"):
        assert is_locked(tmp_path / "artefact")
    assert not is_locked(tmp_path / "artefact")


def test_two_processes_never_work_at_the_same_time(tmp_path) -> None:
    folder = tmp_path / "counter"
    folder.mkdir()
    (folder / "number").write_text("0")
    counters = [subprocess.Popen([sys.executable, "-c", COUNT, str(folder)]) for _ in range(2)]
    assert [one.wait() for one in counters] == [0, 0]
    assert (folder / "number").read_text() == "400"


def test_the_artefacts_folder_itself_is_not_touched(tmp_path) -> None:
    with locked(tmp_path / "digits/artefact"):
        assert not (tmp_path / "digits/artefact").exists()
        assert lock_file(tmp_path / "digits/artefact").exists()
