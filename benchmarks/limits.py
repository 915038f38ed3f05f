"""What this machine can do, and how much of it a training step reaches, part by part.

    python -m benchmarks.limits [--model resnet8] [--batch-size 128 32]

First the machine's limits: multiplying matrices, 3x3 convolutions (forward and backward) at the shapes of
ResNet-8 and PreAct-ResNet18, copying memory. Then, for a model, what a step takes: augmentation, forward,
backward, optimizer, and what the engine adds to them. `layers alone` runs each convolution and linear layer
of the model by itself, forward and backward: no step of these kernels can take less.
"""

import argparse
import platform
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.augment import augment
from benchmarks.training import AUGMENTATION, engine_epochs, network, settings, sgd, synthetic, timed

SHAPES = [(16, 32), (32, 16), (64, 8), (64, 32), (128, 16), (256, 8), (512, 4)]  # channels, pixels
CPU = torch.device("cpu")
STEPS = 12  # in an epoch


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The median of so many rounds, after two that warm up."""
    for _ in range(2):
        work()
    return statistics.median(timed(work, CPU) for _ in range(rounds))


def there_and_back(layer: nn.Module, inputs: Tensor, *, first: bool = False) -> Callable[[], object]:
    """A layer's forward and backward pass, under autocast if the inputs are bf16.

    Args:
        layer: convolution or linear.
        inputs: what it is given.
        first: whether these are the images, which get no gradient.
    """
    bf16 = inputs.dtype == torch.bfloat16
    inputs = inputs.detach().requires_grad_(not first)
    layer = layer.to(memory_format=layout(inputs.dtype))

    def work() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outputs = layer(inputs)
        outputs.backward(torch.ones_like(outputs))
        layer.zero_grad()
        inputs.grad = None

    return work


def flops(work: Callable[[], object]) -> int:
    """Of matrix products and convolutions, backward ones too; a multiply-add is two."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def machine(rounds: int) -> Iterator[str]:
    """The limits: GFLOP/s of products and convolutions, GB/s of copies."""
    for dtype in (torch.float32, torch.bfloat16):
        side = torch.randn(1024, 1024).to(dtype)
        rate = 2 * 1024**3 / seconds(lambda side=side: side @ side, rounds) / 1e9  # type: ignore[misc]
        yield f"{'matrices of 1024 x 1024':40} {dtype_name(dtype)} {rate:8.0f} GFLOP/s"
    for channels, pixels in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            images = torch.randn(128, channels, pixels, pixels).to(dtype, memory_format=layout(dtype))
            work = there_and_back(nn.Conv2d(channels, channels, 3, padding=1, bias=False), images)
            rate = flops(work) / seconds(work, rounds) / 1e9
            yield f"{f'3x3, {channels} channels, {pixels} pixels':40} {dtype_name(dtype)} {rate:8.0f} GFLOP/s"
    source = torch.ones(64 * 2**20)  # 256 MiB
    target = torch.empty_like(source)
    rate = 2 * source.nbytes / seconds(lambda: target.copy_(source), rounds) / 1e9
    yield f"{'copying, read and written':45} {rate:8.1f} GB/s"


def layout(dtype: torch.dtype) -> torch.memory_format:
    """As the engine lays out what it computes in this precision on a CPU."""
    return torch.channels_last if dtype == torch.bfloat16 else torch.contiguous_format


def dtype_of(trainer: Trainer) -> torch.dtype:
    """What it computes in."""
    return torch.bfloat16 if trainer.precision == "bf16" else torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """As in the settings."""
    return {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]


@dataclass
class Layers:
    """The layers with weights that a forward pass goes through, each with what it was given."""

    met: list[tuple[nn.Module, Tensor]] = field(default_factory=list)

    def watch(self, model: nn.Module, images: Tensor) -> "Layers":
        """Run the model once and remember."""
        weighty = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        hooks = [module.register_forward_hook(self._remember) for module in weighty]
        model(images)
        for hook in hooks:
            hook.remove()
        return self

    def _remember(self, module: nn.Module, inputs: tuple[Tensor], _: Tensor) -> None:
        self.met.append((module, inputs[0].detach()))


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds of one training step and its parts, and its floating-point operations."""

    whole: float
    augmentation: float
    forward: float
    backward: float
    optimizer: float
    layers: float
    flops: int

    @property
    def rest(self) -> float:
        """What the engine adds: batches, numbers of the epoch, Python."""
        return self.whole - self.augmentation - self.forward - self.backward - self.optimizer

    def lines(self, batch: int) -> Iterator[str]:
        """The table's rows."""
        yield f"{'step':24} {1e3 * self.whole:8.2f} ms  {batch / self.whole:8.0f} images/s"
        for name in ("augmentation", "forward", "backward", "optimizer", "rest"):
            part = getattr(self, name)
            yield f"  {name:22} {1e3 * part:8.2f} ms  {100 * part / self.whole:5.1f} %"
        share = 100 * self.layers / self.whole
        yield f"{'layers alone':24} {1e3 * self.layers:8.2f} ms  {share:5.1f} %"
        yield f"{'reached':24} {self.flops / self.whole / 1e9:8.0f} GFLOP/s"


def step_of(name: str, batch: int, trainer: Trainer, rounds: int) -> Step:
    """What a step of this model takes, on noise."""
    data = synthetic(batch * STEPS, 32, 0)
    model = network(name, data)
    epochs = engine_epochs(model, data, [], sgd(rounds + 1, batch), trainer, rounds + 2)[1:]
    uint8 = data.inputs[:batch]
    draws = torch.Generator().manual_seed(0)
    model = network(name, data).to(memory_format=layout(dtype_of(trainer)))
    images, labels = trainer.as_float(uint8), data.labels[:batch]
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=5e-4)

    def forward() -> Tensor:
        with trainer.autocast():
            return F.cross_entropy(model(images).float(), labels)

    def passes() -> None:
        optimizer.zero_grad()
        forward().backward()

    ahead, both = seconds(forward, rounds), seconds(passes, rounds)
    return Step(
        whole=statistics.median(epochs) / STEPS,
        augmentation=seconds(lambda: trainer.as_float(augment(uint8, AUGMENTATION, draws)), rounds),
        forward=ahead,
        backward=both - ahead,
        optimizer=seconds(optimizer.step, rounds),
        layers=layers_alone(model, images, trainer, rounds),
        flops=flops(passes),
    )


def layers_alone(model: nn.Module, images: Tensor, trainer: Trainer, rounds: int) -> float:
    """Seconds of every layer with weights by itself, forward and backward."""
    with trainer.autocast(), torch.no_grad():
        met = Layers().watch(model, images).met
    dtype = dtype_of(trainer)
    passes = [there_and_back(one, fed.to(dtype), first=not number) for number, (one, fed) in enumerate(met)]
    return sum(seconds(one, rounds) for one in passes)


def report(models: Sequence[str], batches: Sequence[int], rounds: int, compile: str) -> Iterator[str]:
    """All lines."""
    trainer = Trainer(settings("cpu", "auto", compile), AUGMENTATION)
    yield f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    yield f"{trainer.precision}, compile {compile}"
    yield from machine(rounds)
    for name in models:
        for batch in batches:
            yield f"\n{name}, batches of {batch}"
            yield from step_of(name, batch, trainer, rounds).lines(batch)


def main() -> None:
    """Print the limits, then each model's step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", nargs="*", default=["resnet8"])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[128, 32])
    parser.add_argument("--rounds", type=int, default=9, help="of which the median is told, default 9")
    parser.add_argument(
        "--compile", default="off", choices=("on", "off"), help="the engine's; parts are eager"
    )
    args = parser.parse_args()
    for line in report(args.model, args.batch_size, args.rounds, args.compile):
        print(line, flush=True)


if __name__ == "__main__":
    main()
