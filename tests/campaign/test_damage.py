"""Every kind of file, damaged in every way: noticed, set aside, rebuilt (P4)."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from campaign.conftest import Tally
from campaign.reference import Reference
from campaign.state import differing, state

pytestmark = pytest.mark.slow

ANOTHER = (
    "run",
    "--params",
    "attacks.lc.surrogate.seed:1",
)  # other artefacts throughout
FIGURE = "samples"  # all figures are of one kind


def flipped(content: bytes) -> bytes:
    """One bit of it changed."""
    bit = random.Random(len(content)).randrange(8 * len(content))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


EXCHANGED = "exchanged for the same of another experiment"
DAMAGES: dict[str, Callable[[bytes, bytes], bytes]] = {  # of the content, and of another experiment's
    "truncated": lambda content, _: content[: len(content) // 2],
    "emptied": lambda _, __: b"",
    "zeroed": lambda content, _: bytes(len(content)),
    "one bit flipped": lambda content, _: flipped(content),
    EXCHANGED: lambda _, other: other,
}


def kinds(project: Path) -> list[Path]:
    """All files but those of figures, of which one stands for all."""
    places = [
        *(project / "data").glob("0[268]_*/*/*/*"),
        *(project / "data").glob("0[268]_*/*/*/figures-*/*"),
    ]
    files = sorted(path for path in places if path.is_file())
    drawn = {path.name.split(".")[0] for path in files if path.suffix == ".png"} - {FIGURE}
    return [path for path in files if path.name.split(".")[0] not in drawn]


def counterpart(file: Path) -> Path:
    """The same file of the other experiment: its artefact's name is the same but for the hash."""
    figures = file.parent.name.startswith("figures-")
    own = file.parent.parent if figures else file.parent
    pattern = f"figures-*/{file.name}" if figures else file.name
    readable = own.name.rpartition("-")[0]
    folders = (folder for folder in own.parent.glob(f"{readable}-????????") if folder != own)
    (found,) = (found for folder in folders for found in folder.glob(pattern))
    return found


def test_damaged_files(reference: Reference, tally: Tally) -> None:
    reference.restore()
    project = reference.kedro.project
    files = kinds(project)
    assert any(file.parent.name.startswith("figures-") for file in files)
    assert reference.kedro.run(*ANOTHER).code == 0
    with_both = state(project)
    rounds, survived = dict.fromkeys(DAMAGES, 0), dict.fromkeys(DAMAGES, 0)
    for file in files:
        good, other = file.read_bytes(), counterpart(file).read_bytes()
        for damage, spoil in DAMAGES.items():
            spoilt = spoil(good, other)
            if spoilt == good:  # a figure of the other experiment may have come out the same
                continue
            rounds[damage] += 1
            file.write_bytes(spoilt)
            done = reference.kedro.run("run")
            aside = list((project / "data").rglob("*.corrupt-*"))
            assert done.code == 0, f"{damage} {file}: {done}"
            assert f"{file} cannot be used" in done.stdout + done.stderr, f"{damage} {file}: {done}"
            assert aside, f"{damage} {file}"
            for path in aside:
                path.unlink()
            assert differing(state(project), with_both) == [], f"{damage} {file}"
            survived[damage] += 1
    for damage, count in survived.items():
        tally(f"a file {damage}", rounds[damage], count)


def test_damaged_reports(reference: Reference, tally: Tally) -> None:
    """A report is drawn anew each time, whatever is there."""
    reference.restore()
    project, report = reference.kedro.project, ("run", "--pipeline", "report")
    assert reference.kedro.run(*report).code == 0
    good = state(project)
    files = sorted((project / "data/08_reporting/report").iterdir())
    for number, file in enumerate(files):
        *_, spoil = list(DAMAGES.values())[: 1 + number % 4]
        file.write_bytes(spoil(file.read_bytes(), b""))
    assert reference.kedro.run(*report).code == 0
    assert differing(state(project), good) == []
    tally("a report's file damaged", len(files), len(files))
