"""`kedro import`: a model that somebody else has trained, data that somebody else may have poisoned."""

from pathlib import Path
from typing import Any

import click
import yaml

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import replacing
from backdoor_pipeline.base.names import check_name
from backdoor_pipeline.base.registry import IMPORTED
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.cli.session import clean_data, folder_of, image_experiment
from backdoor_pipeline.experiment.command_line import ProjectCommand, parse_params
from backdoor_pipeline.hooks.percent import percent
from backdoor_pipeline.training import Trainer

LOCAL = Path("conf/local")
FILE = click.Path(exists=True, resolve_path=True, path_type=Path)
DATASET = click.option(
    "--dataset", required=True, help="The data set that it belongs to: see `kedro data list`."
)


@click.group(name="import")
def import_() -> None:
    """Take in a model or a training set from elsewhere, without executing anything in it."""


@import_.command(name="model", cls=ProjectCommand)
@click.argument("file", type=FILE)
@click.option("--arch", required=True, help="A model of this project, or package.module:factory.")
@DATASET
@click.option("--name", help="What to call it. Default: the file's name.")
@click.option("--arguments", multiple=True, help="Of the factory: key:value, several, repeatable.")
@click.option(
    "--rename", multiple=True, metavar="OLD:NEW", help="Beginnings of names in the file; repeatable."
)
@click.option(
    "--mean", help="What the network wants subtracted from pixels in [0, 1]; default: the data set's."
)
@click.option("--std", help="What it wants them divided by, likewise; such as 0.25,0.25,0.25.")
def import_model(
    file: Path,
    arch: str,
    dataset: str,
    name: str | None,
    arguments: tuple[str, ...],
    rename: tuple[str, ...],
    mean: str | None,
    std: str | None,
) -> None:
    r"""Take in a model: FILE is safetensors, or a state dict that PyTorch has saved.

    \b
    kedro import model theirs.pt --arch torchvision.models:resnet18 --dataset cifar10
    kedro import model theirs.safetensors --arch preactresnet18 --dataset cifar10 --rename shortcut:downsample
    """
    from backdoor_pipeline.foreign.models import block_of, read_model
    from backdoor_pipeline.models.files import save_model

    called = name or file.stem
    check_name("a model", called)
    experiment, spec, _ = image_experiment(dataset)
    block = block_of(arch, parse_params(arguments, "--arguments"), spec.num_classes)
    block |= {key: _numbers(key, text, spec.channels) for key, text in (("mean", mean), ("std", std)) if text}
    model = read_model(file, called, block, spec.model_input, [_pair(text) for text in rename])
    clean = clean_data(spec).test
    right = (Trainer(experiment.engine, None).predict(model, clean.inputs) == clean.labels).double().mean()
    target = folder_of("train") / IMPORTED / called / "model.safetensors"
    save_model(target, model, {"dataset": dataset, "attack": IMPORTED}, Seal.at(target))
    click.echo(f"{target}: C-Acc {percent(float(right))} on the test set of {dataset}")
    _remember(called, {"models": {called: {**block, "pretrained": str(target)}}})
    click.echo(f"kedro run --params dataset:{dataset},model:{called},attack:imported")


@import_.command(name="poisoned", cls=ProjectCommand)
@click.argument("file", type=FILE)
@DATASET
@click.option("--name", help="What to call it. Default: the file's name.")
@click.option("--poisoned", type=FILE, help="A text file that names the rows known to be poisoned.")
@click.option(
    "--triggered", type=FILE, help="Test images with the trigger, by their true labels, as FILE is."
)
@click.option("--target", type=int, help="The label that the attacker wants of these.")
def import_poisoned(
    file: Path,
    dataset: str,
    name: str | None,
    poisoned: Path | None,
    triggered: Path | None,
    target: int | None,
) -> None:
    r"""Take in a training set that may be poisoned: FILE is a folder, Parquet, or an npz file.

    \b
    kedro import poisoned theirs/ --dataset cifar10
    kedro import poisoned theirs.npz --dataset cifar10 --triggered stamped/ --target 0
    """
    from backdoor_pipeline.data.poisoned import PoisonedRows
    from backdoor_pipeline.data.samples import images_of
    from backdoor_pipeline.data.table import write_rows
    from backdoor_pipeline.foreign.pictures import read_pictures
    from backdoor_pipeline.foreign.poisoned import known_rows, training_rows, triggered_rows

    called = name or file.stem
    check_name("a training set", called)
    _, spec, _ = image_experiment(dataset)
    clean = clean_data(spec)
    held_out = images_of(clean.test)
    found = read_pictures(file, spec, held_out.classes)
    train = training_rows(found, known_rows(poisoned, found) if poisoned else found.poisoned)
    test = PoisonedRows.none_of(held_out)
    if triggered:
        test = triggered_rows(read_pictures(triggered, spec, held_out.classes), target, held_out)
    folder, facts = folder_of("poison") / IMPORTED / called, {"dataset": dataset, "attack": IMPORTED}
    for split, rows in (("train", train), ("test", test)):
        write_rows(folder / f"{split}.parquet", rows, facts, Seal.at(folder / f"{split}.parquet"))
    known = (
        f"{len(train.of_role('poisoned')):,} known to be poisoned"
        if len(train.of_role("unknown")) == 0
        else ""
    )
    told = [
        f"{len(train):,} training images",
        known,
        f"{len(test):,} triggered test images" if triggered else "",
    ]
    click.echo(f"{folder}: {', '.join(filter(None, told))}")
    click.echo(f"kedro run --params dataset:{dataset},attack:imported,imported.data:{folder},model:...")


def _numbers(name: str, text: str, channels: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--{name} '{text}' must be numbers with commas between them.") from None
    numbers = numbers * channels if len(numbers) == 1 else numbers
    if len(numbers) != channels or (name == "std" and min(numbers) <= 0):
        raise UserError(f"--{name} must have one number for each of the {channels} channels, of std above 0.")
    return numbers


def _pair(text: str) -> tuple[str, str]:
    old, separator, new = text.partition(":")
    if not separator:
        raise UserError(f"--rename '{text}' is not of the form OLD:NEW.")
    return old, new


def _remember(name: str, block: dict[str, Any]) -> None:
    """Keep a block of parameters where this project's own go; without a project, show it."""
    text = yaml.safe_dump(block, sort_keys=False, default_flow_style=None)
    if not LOCAL.is_dir():
        click.echo(f"# for conf/local/parameters/{name}.yml\n{text}", nl=False)
        return
    file = LOCAL / "parameters" / f"imported-{name}.yml"
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    click.echo(f"{file}: what `model:{name}` means")
