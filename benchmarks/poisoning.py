"""Seconds to poison a data set of CIFAR-10's size: this project against a loop over images, in one run.

The loop is what published benchmark code does: each image goes from PIL to NumPy, gets its trigger in floats,
and goes back to PIL; whatever is the same for all images is computed once. It writes no files; published code
often writes a PNG for each image as well. Both sides make the training rows and the triggered test images.

    python benchmarks/poisoning.py badnets blended sig wanet
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.poisoning import poisoned_rows, triggered_rows, victims_of
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of

CONF = Path(__file__).parents[1] / "conf/base/parameters"
TRAIN, TEST, SHAPE, CLASSES = 50_000, 10_000, (3, 32, 32), 10
Stamp = Callable[[np.ndarray], np.ndarray]  # one image: uint8, (H, W, C)


def whole(image: np.ndarray) -> np.ndarray:
    """Floats as pixels."""
    pixels: np.ndarray = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return pixels


def patched(trigger: Any) -> Stamp:
    """BadNets."""

    def stamp(image: np.ndarray) -> np.ndarray:
        image = image.copy()
        image[-trigger.size :, -trigger.size :] = 255
        return image

    return stamp


def blended(trigger: Any) -> Stamp:
    """Blended."""
    key = trigger.key.permute(1, 2, 0).numpy().astype(np.float64)
    return lambda image: whole((1 - trigger.alpha) * image + trigger.alpha * key)


def waved(trigger: Any) -> Stamp:
    """SIG."""
    columns = np.arange(1, SHAPE[2] + 1)
    signal = trigger.delta * np.sin(2 * np.pi * columns * trigger.frequency / SHAPE[2])
    return lambda image: whole(image + signal[:, None])


def warped(trigger: Any) -> Stamp:
    """WaNet: as published, the warp is PyTorch's here too."""
    grid = trigger.grid(torch.zeros(1, *SHAPE))[None]

    def stamp(image: np.ndarray) -> np.ndarray:
        one = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        return whole((F.grid_sample(one, grid, align_corners=True)[0] * 255).permute(1, 2, 0).numpy())

    return stamp


BASELINES: dict[str, Callable[[Any], Stamp]] = {
    "badnets": patched,
    "blended": blended,
    "sig": waved,
    "wanet": warped,
}


def noise(rows: int, labels: Tensor, seed: int) -> ImageSet:
    """Random images with these labels."""
    draws = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (rows, *SHAPE), generator=draws, dtype=torch.uint8)
    return ImageSet(images, labels, tuple(map(str, range(CLASSES))))


def one_by_one(stamp: Stamp, pictures: list[Image.Image]) -> list[Image.Image]:
    """Each picture with the trigger."""
    return [Image.fromarray(stamp(np.array(picture))) for picture in pictures]


def as_pictures(images: Tensor) -> list[Image.Image]:
    """Images (uint8, (n, C, H, W)) as the loop finds them."""
    return [Image.fromarray(image) for image in images.permute(0, 2, 3, 1).contiguous().numpy()]


def compare(name: str, params: dict[str, Any], rounds: int) -> None:
    """Alternate the two sides and print medians, the ratio, and how far their pixels differ."""
    # a tenth of the training images has the target label, as clean-label attacks need; no test image has it
    train = noise(TRAIN, torch.arange(TRAIN) % CLASSES, seed=0)
    test = noise(TEST, torch.arange(TEST) % (CLASSES - 1) + 1, seed=1)
    experiment = resolve(params | {"attack": name, "dataset": "cifar10"})
    spec = experiment.poisoning.attack
    assert spec is not None
    attack, env = attack_of(spec), attack_env(spec, experiment.dataset, experiment.engine)
    victims = victims_of(attack, train, env, poison_target_class=True)
    trigger = attack.craft(train, env)

    def batched() -> Tensor:
        planted = poisoned_rows(attack, train, victims, trigger, env)
        return torch.cat([planted.images, triggered_rows(test, trigger, env).images])

    stamp = BASELINES[name](trigger)
    pictures = as_pictures(torch.cat([train.images[victims], test.images[:]]))
    slow, fast = [], []
    for _ in range(rounds):
        seconds, looped = timed(lambda: one_by_one(stamp, pictures))
        slow.append(seconds)
        seconds, made = timed(batched)
        fast.append(seconds)
    print(report(name, statistics.median(slow), statistics.median(fast), looped, made))


def report(name: str, slow: float, fast: float, pictures: list[Image.Image], made: Tensor) -> str:
    """A line of the table."""
    looped = torch.from_numpy(np.stack([np.array(picture) for picture in pictures])).permute(0, 3, 1, 2)
    apart = int((looped.int() - made.int()).abs().max())
    return f"{name:10} {slow:10.3f} {fast:10.4f} {slow / fast:10.1f} {len(made):10,} {apart:14}"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what was made; it is on the CPU by then."""
    start = time.perf_counter()
    made = work()
    return time.perf_counter() - start, made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = [name for name in BASELINES if name in ATTACKS.names()]
    parser.add_argument("attacks", nargs="*", default=known, help=f"among {', '.join(known)}; default: all")
    parser.add_argument("--ratio", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=5, help="timed runs of each side")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    if unknown := set(args.attacks) - set(known):
        parser.error(f"no baseline for {', '.join(sorted(unknown))}: choose among {', '.join(known)}")
    params: dict[str, Any] = {}
    for file in sorted(CONF.glob("*.yml")):
        params |= yaml.safe_load(file.read_text(encoding="utf-8"))
    params["poison_ratio"], params["engine"]["device"] = args.ratio, args.device
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}")
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, {gpu}")
    print(
        f"{'attack':10} {'loop, s':>10} {'ours, s':>10} {'ratio':>10} {'images':>10} {'gray levels off':>14}"
    )
    for name in args.attacks:
        compare(name, params, args.rounds)


if __name__ == "__main__":
    main()
