"""Images per second from a folder of JPEGs of ImageNet's sizes: this project against torchvision's reader.

The other side is `ImageFolder` and a `DataLoader` with as many processes as this project has threads: each
picture is decoded by Pillow, its shorter side brought to 224 pixels, the middle kept. Both give the same
uint8 batches, shuffled; a tenth of the rows is poisoned on our side, and laid over as it is read. Passes take
turns, so that whatever else the machine does meets both. Memory is what each pass adds at its peak, in all
of its processes.

    python benchmarks/streaming.py --pictures 3000
"""

import argparse
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows, overlay
from backdoor_pipeline.data.sources.base import unreadable
from backdoor_pipeline.data.sources.streaming import PictureFiles
from backdoor_pipeline.training.batches import BatchSource, plan_batches

SIZES = ((500, 375), (500, 375), (375, 500), (500, 333), (400, 300))  # width, height: ImageNet's commonest
QUALITY = 98  # makes them as large as ImageNet's: 110 KB on average
SIZE, BATCH, CLASSES, POISONED = 224, 128, 10, 10
GAP = 0.05  # seconds between looks at the memory


def write_pictures(folder: Path, count: int) -> list[Path]:
    """Crops of two photographs, in a folder per class."""
    draws, photographs = np.random.default_rng(0), load_sample_images().images
    paths = []
    for number in range(count):
        photograph = photographs[number % 2]
        width, height = SIZES[number % len(SIZES)]
        scale = max(height / photograph.shape[0], 1.0) * 1.2
        whole = Image.fromarray(photograph).resize(
            (round(photograph.shape[1] * scale), round(photograph.shape[0] * scale))
        )
        left, top = draws.integers(whole.width - width), draws.integers(whole.height - height)
        crop = whole.crop((left, top, left + width, top + height))
        path = folder / str(number % CLASSES) / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        crop.save(path, quality=QUALITY)
        paths.append(path)
    return sorted(paths, key=lambda path: (path.parent.name, path.name))


def ours(paths: list[Path]) -> Callable[[torch.Tensor], int]:
    """Streamed files, a tenth of them poisoned."""
    files = PictureFiles(paths, (3, SIZE, SIZE), unreadable)
    labels = torch.tensor([int(path.parent.name) for path in paths])
    clean = ImageSet(files, labels, tuple(map(str, range(CLASSES))))
    index = torch.arange(0, len(paths), POISONED)
    black = torch.zeros(len(index), 3, SIZE, SIZE, dtype=torch.uint8)
    roles = torch.zeros(len(index), dtype=torch.int8)
    rows = PoisonedRows(index, black, torch.zeros_like(index), labels[index], roles)
    data = overlay(clean, rows)
    source = BatchSource(data.inputs, data.labels, torch.device("cpu"))

    def read(order: torch.Tensor) -> int:
        return sum(len(labels) for _, labels, _ in source.batches(plan_batches(order, BATCH)))

    return read


def torchvisions(folder: Path, processes: int) -> Callable[[torch.Tensor], int]:
    """Its own order, of the same length."""
    fit = transforms.Compose([transforms.Resize(SIZE), transforms.CenterCrop(SIZE), transforms.PILToTensor()])
    loader = DataLoader(ImageFolder(folder, fit), BATCH, shuffle=True, num_workers=processes)
    return lambda _: sum(len(labels) for _, labels in loader)


def measured(read: Callable[[torch.Tensor], int], pictures: int) -> tuple[float, float]:
    """Images per second, and the MiB that all processes hold more than before, at their peak."""
    before, peak, done = _held(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(GAP):
            peak[0] = max(peak[0], _held() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    seen = read(torch.randperm(pictures))
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    assert seen == pictures
    return pictures / seconds, peak[0]


def _held() -> float:
    """MiB of this process and its children; what they share is counted once."""
    children = Path("/proc/self/task").glob("*/children")
    own = ["self", *(pid for file in children for pid in file.read_text().split())]
    return sum(_share_of(pid) for pid in own) / 1024


def _share_of(process: str) -> int:
    """KiB: proportional set size; 0 of a process that has just ended."""
    try:
        lines = Path("/proc", process, "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def main() -> None:
    """Print a table of both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--passes", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        paths = write_pictures(Path(scratch), given.pictures)
        size = statistics.mean(path.stat().st_size for path in paths) / 1000
        threads = torch.get_num_threads()
        print(f"{platform.processor() or platform.machine()}, {threads} threads; {size:.0f} KB a picture")
        sides = {"torchvision": torchvisions(Path(scratch), threads), "ours": ours(paths)}
        rows = [
            (name, *measured(read, given.pictures))
            for _ in range(given.passes)
            for name, read in sides.items()
        ]
    table = pd.DataFrame(rows, columns=["reader", "images/s", "MiB"])
    print(table.round(1).to_string(index=False))
    speeds = table.groupby("reader")["images/s"].median()
    print(f"ours / torchvision: {speeds['ours'] / speeds['torchvision']:.2f}")


if __name__ == "__main__":
    main()
