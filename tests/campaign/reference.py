"""A run that nothing disturbed, and what every other run of the same must come to."""

import shutil
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from backdoor_pipeline.base.tensorfile import load_facts
from campaign.faults import Fault
from campaign.state import State, differing, state
from campaign.warm import Done, WarmKedro

LAYERS = ("01_raw/.manifests", "02_poisoned", "06_models", "08_reporting")
PURPOSES = {"surrogate": "surrogate-*", "train": "resnet8-*"}  # trainings with checkpoints, and their folders

Epochs = dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Reference:
    """The undisturbed run.

    Attributes:
        kedro: what runs the project's commands.
        scratch: a folder outside the project; it has a copy of what the run left.
        state: what the run left.
        renames: the files that it put in place, in order; checkpoints once for each epoch, others once.
        epochs: that it trained, by purpose.
    """

    kedro: WarmKedro
    scratch: Path
    state: State
    renames: list[str]
    epochs: Epochs

    @classmethod
    def of(cls, kedro: WarmKedro, scratch: Path) -> "Reference":
        """Run it, in a project without artefacts."""
        log = scratch / "undisturbed.log"
        done = kedro.run("run", **Fault(log=str(log)).environment)
        assert done.code == 0, done
        for layer in LAYERS:
            shutil.copytree(kedro.project / "data" / layer, scratch / "copy" / layer)
        renames = [line.split()[1] for line in log.read_text().splitlines() if line.startswith("rename ")]
        once = [name for i, name in enumerate(renames) if "/checkpoints/" in name or name not in renames[:i]]
        return cls(kedro, scratch, state(kedro.project), once, _epochs(log))

    def begin(self) -> None:
        """Remove all artefacts."""
        for layer in LAYERS:
            shutil.rmtree(self.kedro.project / "data" / layer, ignore_errors=True)

    def restore(self) -> None:
        """Put all artefacts back as the undisturbed run left them."""
        self.begin()
        shutil.copytree(self.scratch / "copy", self.kedro.project / "data", dirs_exist_ok=True)

    def undraw(self, target: str) -> None:
        """Remove a figure's file: a run that goes on may have drawn it earlier than the undisturbed one."""
        if target.startswith("08_reporting/"):
            (self.kedro.project / "data" / target).unlink(missing_ok=True)

    def disturbed(self, fault: Fault) -> tuple[Done, Epochs]:
        """Run with a fault; see that nothing is lost or wrong, and say which epochs were trained."""
        log = self.scratch / "disturbed.log"
        log.unlink(missing_ok=True)
        before = self._checkpointed()
        done = self.kedro.run("run", **replace(fault, log=str(log)).environment)
        trained = _epochs(log)
        for purpose, epochs in trained.items():
            if purpose in PURPOSES:
                first = before[purpose] + 1
                assert epochs == list(range(first, first + len(epochs))), f"{purpose} lost epochs: {fault}"
        self.check_parts()
        return done, trained

    def check_parts(self) -> None:
        """See that whatever looks finished is so: whole, and as the undisturbed run left it."""
        found = state(self.kedro.project)
        finished = {name for name in found if not name.endswith(".tmp") and "/checkpoints/" not in name}
        assert finished <= set(self.state), finished - set(self.state)
        assert [name for name in finished if found[name] != self.state[name]] == []

    def finish(self) -> Epochs:
        """Run once more, undisturbed, and see that the end is the same, and that nothing is left over."""
        done, trained = self.disturbed(Fault())
        assert done.code == 0, done
        assert differing(state(self.kedro.project), self.state) == []
        return trained

    def _checkpointed(self) -> dict[str, int]:
        """How many epochs of each training are safe."""
        models = self.kedro.project / "data/06_models"
        counts = dict.fromkeys(PURPOSES, 0)
        for purpose, pattern in PURPOSES.items():
            for file in models.glob(f"*/{pattern}/checkpoints/train.safetensors"):
                counts[purpose] = len(load_facts(file)["history"])
        return counts


def _epochs(log: Path) -> Epochs:
    found: Epochs = defaultdict(list)
    for line in log.read_text().splitlines() if log.exists() else ():
        if line.startswith("epoch "):
            _, purpose, number = line.split()
            found[purpose].append(int(number))
    return found
