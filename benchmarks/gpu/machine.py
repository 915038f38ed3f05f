"""What the numbers were measured on."""

import os
import platform
import shutil
import subprocess
import time

import torch
import torchvision


def facts() -> dict[str, str]:
    """Card, driver, versions, date; on a machine without a GPU the processor stands for the card."""
    cuda = torch.cuda.is_available()
    return {
        "card": torch.cuda.get_device_name() if cuda else f"no GPU ({platform.machine()})",
        "driver": _driver() if cuda else "none",
        "CUDA": str(torch.version.cuda) if cuda else "none",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "Python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "date": time.strftime("%Y-%m-%d"),
    }


def _driver() -> str:
    if not shutil.which("nvidia-smi"):
        return "unknown"
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    return told[0] if told else "unknown"


def peak_memory() -> float | None:
    """The most GPU memory that this process's tensors took at once, in GiB; None without a GPU."""
    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None
