"""Neural Cleanse's search with classes batched, against one class after the other: seconds and decisions.

Both sides are the project's own code, on the same model and images and with the same random numbers: only the
number of classes that go through the model together differs. The model is trained here, on scikit-learn's
digits with a white patch; classes that are done leave their batch on either side.

    python benchmarks/neural_cleanse.py --device cuda --clean-ratio 0.2
"""

import argparse
import platform
import statistics
import time
from pathlib import Path

import torch

from backdoor_pipeline import api
from backdoor_pipeline.attacks.methods.badnets import PatchTrigger
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.spec import Augmentation, ImageSpec
from backdoor_pipeline.defenses.clean_subset import draw_clean
from backdoor_pipeline.defenses.parts import trigger_search
from backdoor_pipeline.defenses.parts.anomaly import anomaly_index, median
from backdoor_pipeline.defenses.parts.trigger_cost import CostSettings
from backdoor_pipeline.defenses.parts.trigger_search import TriggerSearch
from backdoor_pipeline.defenses.parts.triggers import Triggers
from backdoor_pipeline.models import Classifier, build_model, model_options
from backdoor_pipeline.training import Trainer

DIGITS = ImageSpec(
    name="digits",
    source="digits",
    options={},
    num_classes=10,
    image_size=32,
    channels=3,
    mean=(0.305,) * 3,
    std=(0.3236,) * 3,
    augmentation=Augmentation(crop_padding=2, horizontal_flip=False),
)
TARGET, POISON_RATIO = 0, 0.1


def poisoned(clean: ImageSet) -> ImageSet:
    """A share of the images with a white patch and the target's label."""
    rows = torch.randperm(len(clean), generator=torch.Generator().manual_seed(0))
    rows = rows[: round(POISON_RATIO * len(clean))]
    images, labels = clean.images[:].clone(), clean.labels.clone()
    images[rows], labels[rows] = PatchTrigger(3)(images[rows]), TARGET
    return ImageSet(images, labels, clean.classes)


def backdoored(name: str, train: ImageSet, trainer: Trainer, epochs: int) -> Classifier:
    """A model trained on the poisoned set."""
    model = build_model(
        name,
        num_classes=DIGITS.num_classes,
        channels=DIGITS.channels,
        image_size=DIGITS.image_size,
        mean=DIGITS.mean,
        std=DIGITS.std,
        seed=0,
        options=model_options(name, {"pretrained": None}),
    )
    recipe = api.recipe(epochs=epochs, batch_size=32, lr=0.05, schedule="cosine")
    trainer.fit(model, train, recipe, seed=0)
    return model


def settings(epochs: int, batch_size: int) -> TriggerSearch:
    """Those of the paper."""
    return TriggerSearch(
        epochs=epochs,
        batch_size=batch_size,
        images_per_epoch=None,
        lr=0.1,
        betas=(0.5, 0.9),
        success=0.98,
        cost=CostSettings(initial=1e-3, up=2, down=2**1.5, patience=5),
        early_stop_ratio=0.99,
        early_stop_patience=25,
    )


def timed(
    search: TriggerSearch, trainer: Trainer, model: Classifier, clean: ImageSet, pixels: int
) -> tuple[float, Triggers]:
    """Seconds and triggers with so many pixels going through the model together; they end on the CPU."""
    trigger_search.PIXELS_AT_ONCE[trainer.device.type] = pixels
    start = time.perf_counter()
    found = search.run(trainer, model, clean, seed=0)
    return time.perf_counter() - start, found


def flagged(found: Triggers) -> list[int]:
    """The classes with abnormally small triggers."""
    small = (anomaly_index(found.norms) > 2) & (found.norms < median(found.norms.double()))
    return small.nonzero().flatten().tolist()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="resnet8")
    parser.add_argument("--epochs", type=int, default=80, help="of the search, at most")
    parser.add_argument("--train-epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32, help="clean images in a step")
    parser.add_argument("--clean-ratio", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=2, help="how often the sides alternate")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    args = parser.parse_args()
    engine = api.engine(device=args.device, precision=args.precision, compile=False, checkpoint_every=0)
    trainer = Trainer(engine, DIGITS.augmentation)
    print({"Python": platform.python_version(), "torch": torch.__version__})
    gpu = torch.cuda.get_device_name() if trainer.device.type == "cuda" else "CPU"
    print(f"{gpu}, {torch.get_num_threads()} threads, {trainer.precision}, {args.model}")
    train = load_split(DIGITS, Path(), "train")
    clean = draw_clean(train, args.clean_ratio, seed=0)
    model = backdoored(args.model, poisoned(train), trainer, args.train_epochs)
    search = settings(args.epochs, args.batch_size)
    usual = trigger_search.PIXELS_AT_ONCE[trainer.device.type]
    timed(settings(1, args.batch_size), trainer, model, clean, usual)  # warms up
    rounds = [
        (timed(search, trainer, model, clean, 1), timed(search, trainer, model, clean, usual))
        for _ in range(args.rounds)
    ]
    names = ("one by one", "batched")
    seconds = [statistics.median(pair[side][0] for pair in rounds) for side in range(2)]
    for side, name in enumerate(names):
        found = rounds[0][side][1]
        norms = " ".join(f"{norm:.1f}" for norm in found.norms.tolist())
        print(f"{name:12} {seconds[side]:8.1f} s   flagged {flagged(found)}   mask norms {norms}")
    print(f"ratio        {seconds[0] / seconds[1]:8.2f}")


if __name__ == "__main__":
    main()
