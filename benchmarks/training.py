"""Images per second of the engine against a plain PyTorch loop, on the same model and data, in one run.

The plain side is what published benchmark code does: PIL images, torchvision transforms, a DataLoader with
workers, fp32, contiguous memory, and an evaluation of two test sets after every epoch. The engine evaluates
the same sets, as often as `--evaluate-every` says: after every epoch too unless told otherwise.

    python benchmarks/training.py --model preactresnet18 --images 5000
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pandas as pd
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from backdoor_pipeline import api
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Augmentation
from backdoor_pipeline.models import build_model, model_options
from backdoor_pipeline.training import Engine, Recipe, Trainer
from backdoor_pipeline.training.augment import augment

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261)
AUGMENTATION = Augmentation(crop_padding=4, horizontal_flip=True)


class PilImages(Dataset[tuple[Tensor, int]]):
    """Images that are decoded, augmented and scaled one at a time."""

    def __init__(self, images: ImageSet, training: bool) -> None:
        self._images = [v2.functional.to_pil_image(image) for image in images.images[:]]
        self._labels = images.labels.tolist()
        crop = [v2.RandomCrop(images.image_shape[1], padding=4), v2.RandomHorizontalFlip()]
        to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
        self._transform = v2.Compose([*(crop if training else []), *to_tensor])

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(self._images[index]), self._labels[index]


def plain_epochs(
    model: nn.Module,
    train: ImageSet,
    tests: list[ImageSet],
    recipe: Recipe,
    device: torch.device,
    workers: int,
) -> list[float]:
    """Train as usual; returns the seconds of every epoch."""

    def loader(images: ImageSet, training: bool) -> "DataLoader[tuple[Tensor, Tensor]]":
        return DataLoader(
            PilImages(images, training),
            recipe.batch_size,
            shuffle=training,
            num_workers=workers,
            pin_memory=device.type == "cuda",
        )

    train_loader, test_loaders = loader(train, True), [loader(test, False) for test in tests]
    model.to(device)
    optimizer = torch.optim.SGD(
        model.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    seconds = []
    for _ in range(recipe.epochs):
        start = time.perf_counter()
        model.train()
        for images, labels in train_loader:
            loss = F.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        schedule.step()
        model.eval()
        with torch.no_grad():
            for test_loader in test_loaders:
                for images, labels in test_loader:
                    (model(images.to(device)).argmax(1) == labels.to(device)).sum().item()
        seconds.append(time.perf_counter() - start)
    return seconds


def engine_epochs(
    model: nn.Module, train: ImageSet, tests: list[ImageSet], recipe: Recipe, trainer: Trainer, every: int
) -> list[float]:
    """Train through the engine, looking at the test sets every so many epochs; the seconds of every epoch."""
    stamps = [time.perf_counter()]

    def evaluate(epoch: int, model: nn.Module) -> dict[str, float]:
        if epoch % every == 0:
            for test in tests:
                trainer.predict(model, test.images)
        stamps.append(time.perf_counter())
        return {}

    trainer.fit(model, train, recipe, seed=0, on_epoch=evaluate)
    return [end - start for start, end in pairwise(stamps)]


def synthetic(n: int, size: int, seed: int) -> ImageSet:
    """Noise with labels of ten classes."""
    draws = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (n, 3, size, size), generator=draws, dtype=torch.uint8)
    return ImageSet(images, torch.randint(10, (n,), generator=draws), tuple("0123456789"))


def from_parquet(path: Path, n: int) -> ImageSet:
    """The first n images of a Parquet file with a column of encoded images and one of labels."""
    frame = pd.read_parquet(path).head(n)
    image, label = frame.columns[:2]
    encoded = [torch.frombuffer(bytearray(cell["bytes"]), dtype=torch.uint8) for cell in frame[image]]
    images = torch.stack(
        [torchvision.io.decode_image(one, torchvision.io.ImageReadMode.RGB) for one in encoded]
    )
    labels = torch.tensor(frame[label].to_numpy())
    return ImageSet(images, labels, tuple(map(str, range(int(labels.max()) + 1))))


def network(name: str, images: ImageSet) -> nn.Module:
    """A new model for these images; the same weights every time."""
    return build_model(
        name,
        num_classes=len(images.classes),
        channels=3,
        image_size=images.image_shape[1],
        mean=MEAN,
        std=STD,
        seed=0,
        options=model_options(name, model_defaults(name)),
    )


def model_defaults(name: str) -> dict[str, str | None]:
    """No pretrained weights, and the small stem where there is a choice."""
    has_stem = name in ("densenet161", "efficientnet_b3", "mobilenet_v3_large", "convnext_tiny")
    return {"pretrained": None, **({"stem": "small"} if has_stem else {})}


def compare(args: argparse.Namespace) -> None:
    """Alternate the two sides and print medians and the ratio."""
    train = from_parquet(args.dataset, args.images) if args.dataset else synthetic(args.images, args.size, 0)
    tests = [train.subset(torch.arange(len(train) // 5))] * 2  # test sets of a fifth, as CIFAR-10's
    recipe = sgd(args.epochs + 1, args.batch_size)  # the first epoch warms up
    trainer = Trainer(settings(args.device, args.precision, args.compile), AUGMENTATION)
    print(f"engine: {trainer.precision} on {trainer.device}, compile {args.compile}")
    plain: list[float] = []
    ours: list[float] = []
    for _ in range(args.rounds):
        plain += plain_epochs(network(args.model, train), train, tests, recipe, trainer.device, args.workers)[
            1:
        ]
        ours += engine_epochs(network(args.model, train), train, tests, recipe, trainer, args.evaluate_every)[
            1:
        ]
    pace = [statistics.fmean, statistics.median][args.evaluate_every == 1]  # a mean, where epochs differ
    rates = [len(train) / pace(epochs) for epochs in (plain, ours)]
    print(f"plain loop   {rates[0]:10.1f} images/s, evaluation of two test sets every epoch included")
    print(f"engine       {rates[1]:10.1f} images/s, evaluation every {args.evaluate_every} epochs included")
    print(f"ratio        {rates[1] / rates[0]:10.2f}")


def sgd(epochs: int, batch_size: int) -> Recipe:
    """What the benchmarks train with: SGD at 0.01, along a cosine."""
    return api.recipe(epochs=epochs, batch_size=batch_size, lr=0.01, schedule="cosine")


def settings(device: str, precision: str, compile: str) -> Engine:
    """An engine without checkpoints."""
    chosen = {"auto": "auto", "on": True, "off": False}[compile]
    return api.engine(device=device, precision=precision, compile=chosen, checkpoint_every=0)


def profile(args: argparse.Namespace) -> None:
    """Steps on one resident batch, in every combination of precision, memory format and compilation."""
    batch = synthetic(args.batch_size, args.size, 0)
    device = Trainer(settings(args.device, "auto", "off"), None).device
    steps = {
        f"{'bf16' if bf16 else 'fp32'} {layout} {'compiled' if compiled else 'eager'}": stepper(
            args.model, batch, device, bf16, layout == "channels_last", compiled
        )
        for compiled in ((False, True) if args.compile == "on" else (False,))
        for bf16 in (False, True)
        for layout in ("contiguous", "channels_last")
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(args.rounds + 1):
        for name, step in steps.items():
            taken = timed(step, device)
            if turn:
                seconds[name].append(taken)
            else:
                print(f"{name:32} first step {taken:8.2f} s")
    for name, taken_each in seconds.items():
        print(f"{name:32} {args.batch_size / statistics.median(taken_each):10.1f} images/s")
    draws = torch.Generator(device).manual_seed(0)
    uint8 = batch.inputs[:].to(device)
    cropping = statistics.median(timed(lambda: augment(uint8, AUGMENTATION, draws), device) for _ in range(9))
    print(f"{'augmentation':32} {args.batch_size / cropping:10.1f} images/s")


def stepper(
    name: str, batch: ImageSet, device: torch.device, bf16: bool, channels_last: bool, compiled: bool
) -> Callable[[], object]:
    """One training step on a fixed batch."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = network(name, batch).to(device).to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=5e-4)
    mode = "reduce-overhead" if device.type == "cuda" else "default"
    forward = torch.compile(model, mode=mode, dynamic=False) if compiled else model
    images = (batch.inputs[:].to(device).float() / 255).contiguous(memory_format=layout)
    labels = batch.labels.to(device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(forward(images).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds, the device's work included."""
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="preactresnet18")
    parser.add_argument("--dataset", type=Path, help="Parquet: encoded images, labels; default: noise")
    parser.add_argument("--images", type=int, default=2560)
    parser.add_argument("--size", type=int, default=32, help="pixels of synthetic images")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2, help="timed epochs a round, after one that warms up")
    parser.add_argument("--rounds", type=int, default=2, help="how often the sides alternate")
    parser.add_argument("--evaluate-every", type=int, default=1, help="epochs; of the engine's side")
    parser.add_argument("--workers", type=int, default=2, help="of the plain side's DataLoader")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--compile", default="auto", choices=("auto", "on", "off"))
    parser.add_argument("--profile", action="store_true", help="single steps, each precision and format")
    args = parser.parse_args()
    versions = {"Python": platform.python_version(), "torch": torch.__version__}
    print(versions | {"torchvision": torchvision.__version__})
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, {gpu}")
    print(f"{args.model}, {args.images} images, batches of {args.batch_size}")
    (profile if args.profile else compare)(args)


if __name__ == "__main__":
    main()
