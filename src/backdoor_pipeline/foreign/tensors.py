"""The tensors of somebody else's file: safetensors, or PyTorch's, which a process of its own reads."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.tensorfile import read_foreign

PROGRAM = Path(__file__).with_name("unpickling.py")
LONGEST = 600  # seconds
PICKLES = (b"PK\x03\x04", b"\x80")  # how PyTorch's files begin: an archive, or, before 1.6, a bare pickle


def read_tensors(file: Path) -> dict[str, Tensor]:
    """By name; names of nested tables are joined by dots.

    Args:
        file: safetensors, or what PyTorch's own function has saved.

    Raises:
        UserError: it is neither, or cannot be read without executing code that it brings.
    """
    try:
        return read_foreign(file)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {file}.") from error
    except CorruptFileError as error:
        if not file.is_file() or not _begins(file).startswith(PICKLES):
            raise UserError(f"{file} is neither a safetensors file nor one of PyTorch's.") from error
    return _unpickled(file)


def _unpickled(file: Path) -> dict[str, Tensor]:
    with TemporaryDirectory() as folder:
        target = Path(folder, "tensors.safetensors")
        words = [sys.executable, "-I", str(PROGRAM), str(file.resolve()), str(target)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LONGEST)
        except subprocess.TimeoutExpired as error:
            raise UserError(f"{file} was not read within {LONGEST} seconds.") from error
        if done.returncode or not target.is_file():
            raise UserError(
                f"{file} cannot be read without executing what is in it ({_reason(done.stderr)}): "
                "where you trust it, load it in a Python of your own and save its tensors: "
                'safetensors.torch.save_file(model.state_dict(), "model.safetensors").'
            )
        return read_foreign(target)


def _begins(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(4)


def _reason(told: str) -> str:
    """The last of an error's lines that names the culprit."""
    lines = [line.strip() for line in told.splitlines() if "GLOBAL" in line or "Error" in line]
    return (lines[-1] if lines else "it is no whole file")[:200].rstrip(".: ")
