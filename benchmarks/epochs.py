"""CPU seconds of a training epoch on one core, model by model: what `kedro sweep --assume` wants to know.

    OMP_NUM_THREADS=1 python -m benchmarks.epochs [--size PIXELS] [model ...]

A few batches of noise are trained on through the engine, and what an image took is multiplied. The first
epoch warms up. CPU seconds of the process, so that a busy machine changes them less than wall time.
"""

import argparse
import platform
import statistics
import time
from itertools import pairwise

import torch
from torch import nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training import Trainer
from benchmarks.training import AUGMENTATION, network, settings, sgd, synthetic

PAPER = ("preactresnet18", "vgg19", "efficientnet_b3", "mobilenet_v3_large", "densenet161")
EPOCH = 50_000  # images of CIFAR-10's
RECIPE = sgd(epochs=4, batch_size=128)


def seconds_per_image(model: nn.Module, images: ImageSet, trainer: Trainer) -> float:
    """CPU seconds of training on one image: the median of the epochs but the first."""
    stamps: list[float] = []

    def stamp(*_: object) -> dict[str, float]:
        stamps.append(time.process_time())
        return {}

    trainer.fit(model, images, RECIPE, seed=0, on_epoch=stamp)
    return statistics.median(end - start for start, end in pairwise(stamps)) / len(images)


def main() -> None:
    """Print each model's seconds, and how many times those of the first they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "models", nargs="*", default=[*PAPER], metavar="model", help=f"default: {', '.join(PAPER)}"
    )
    parser.add_argument("--size", type=int, default=32, help="pixels of an image's side, default 32")
    parser.add_argument("--images", type=int, default=256, help="in each epoch, default 256")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    images, trainer = (
        synthetic(arguments.images, arguments.size, 0),
        Trainer(settings("cpu", "auto", "off"), AUGMENTATION),
    )
    print(
        f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"{trainer.precision}"
    )
    first = None
    for name in arguments.models:
        each = seconds_per_image(network(name, images), images, trainer)
        first = first or each
        print(
            f"{name}, {arguments.size} pixels: {each * EPOCH:,.0f} s for {EPOCH:,} images, "
            f"{each / first:.2f} times the first's",
            flush=True,
        )


if __name__ == "__main__":
    main()
