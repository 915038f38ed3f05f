"""`kedro scan`: whether a model, or the data that it was trained on, has a backdoor."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.table import Table

from backdoor_pipeline.api.files import inside, load_model, told
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import replacing
from backdoor_pipeline.base.places import told_from
from backdoor_pipeline.base.registry import IMPORTED
from backdoor_pipeline.cli.session import clean_data, folder_of, image_experiment
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import overlay
from backdoor_pipeline.data.samples import images_of
from backdoor_pipeline.data.share import proportional
from backdoor_pipeline.data.spec import ImageSpec
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.table import read_rows
from backdoor_pipeline.defenses import DefenderView, Defense
from backdoor_pipeline.experiment.command_line import ProjectCommand, parse_params
from backdoor_pipeline.experiment.resolve import defense_of
from backdoor_pipeline.experiment.specs import Experiment, Scanning
from backdoor_pipeline.foreign.pictures import read_pictures
from backdoor_pipeline.models import Classifier
from backdoor_pipeline.pipelines.shared.attacking import new_model
from backdoor_pipeline.scanning import Scan, detectors
from backdoor_pipeline.scanning import scan as ask_all
from backdoor_pipeline.scanning.page import page as draw
from backdoor_pipeline.training import Trainer

ALARM = 3  # exit code; 1 and 2 are errors
ROWS, MODEL = "train.parquet", "model.safetensors"  # in the folders of artefacts
PAGES = "scans"  # in the folder of results


@click.command(cls=ProjectCommand)
@click.option("--model", required=True, help="A name that `kedro import model` gave, or a model.safetensors.")
@click.option("--dataset", required=True, help="Clean images of the same kind: see `kedro data list`.")
@click.option(
    "--data",
    type=click.Path(exists=True, resolve_path=True, path_type=Path),
    help="The training set: what `kedro import poisoned` takes or has made, or a folder in data/02_poisoned.",
)
@click.option("--params", multiple=True, help="Such as scan.trusted:300 or defenses.nc.log_threshold:4.")
@click.option(
    "--page", type=click.Path(dir_okay=False, resolve_path=True, path_type=Path), help="Where it goes."
)
def scan(model: str, dataset: str, data: Path | None, params: tuple[str, ...], page: Path | None) -> None:
    r"""Ask all detectors that apply whether there is a backdoor. Exit code: 0 clean, 3 suspicious.

    \b
    kedro scan --model theirs --dataset mine
    kedro scan --model theirs --data theirs/train --dataset mine
    """
    suspect = {} if inside(model, MODEL).is_file() else {"model": model, "attack": IMPORTED}
    experiment, spec, parameters = image_experiment(dataset, **suspect, **parse_params(params))
    settings = Scanning.model_validate(parameters["scan"])
    train, trusted = _images(data, clean_data(spec), spec)
    view = DefenderView(
        model=_fitting(load_model(model) if not suspect else new_model(spec, experiment.training), spec),
        train=trusted if train is None else train,
        clean=_drawn(trusted, settings.trusted),
        trainer=Trainer(experiment.engine, None),
        seed=experiment.choices.seed,
    )
    chosen = {name: defense_of(name, parameters) for name in detectors()}
    file = page or folder_of("evaluate") / PAGES / _page_name(model, spec, data, settings, chosen, experiment)
    found = ask_all(view, train, chosen, settings.significance)
    heading = f"{model} on {dataset}" + (f", trained on {data.name}" if data else "")
    with replacing(file) as temporary:
        temporary.write_text(draw(found, heading, settings.rows), encoding="utf-8")
    Console().print(_table(found, heading))
    click.echo(f"page  {file}")
    if found.suspicious:
        click.get_current_context().exit(ALARM)


def _page_name(
    model: str,
    spec: ImageSpec,
    data: Path | None,
    settings: Scanning,
    chosen: Mapping[str, Defense],
    experiment: Experiment,
) -> str:
    """Another for every model, data set and setting of the detectors; a scan done again writes the same."""
    asked = [
        [_place(model), experiment.training.model_dump(mode="json")["options"]],
        [spec.model_dump(mode="json"), data and _place(data)],
        settings.model_dump(mode="json"),
        {name: detector.model_dump(mode="json") for name, detector in chosen.items()},
        [experiment.choices.seed, experiment.engine.precision],
    ]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    return f"{_short(model)}-{data.stem if data else spec.name}-{digest}.html"


def _place(path: str | Path) -> str:
    """Where it is, from the project's folder if it is within; a model's name as it is."""
    return str(told_from(Path.cwd(), Path(path).resolve()))


def _short(model: str) -> str:
    """A name for the page: of a file in an artefact's folder, that folder's."""
    path = Path(model)
    return path.parent.name if path.is_file() else path.name


def _images(data: Path | None, clean: Splits, spec: ImageSpec) -> tuple[ImageSet | None, ImageSet]:
    """The training set that is looked at, and the images that are trusted.

    The training images of the data set are among the latter, unless what is looked at was made of them.
    """
    test = images_of(clean.test)
    if data is None:
        return None, joined(images_of(clean.train), test)
    if (data / ROWS).is_file():
        with told(data / ROWS):
            rows, _ = read_rows(data / ROWS)
        train = images_of(overlay(clean.train, rows))
        return train, joined(images_of(clean.train), test) if rows.whole else test
    found = read_pictures(data, spec, test.classes).images
    return found, joined(images_of(clean.train), test)


def joined(one: ImageSet, other: ImageSet) -> ImageSet:
    """Two sets of the same classes, one after the other, in memory."""
    images = [data.images[torch.arange(len(data))] for data in (one, other)]
    return ImageSet(torch.cat(images), torch.cat([one.labels, other.labels]), one.classes)


def _drawn(trusted: ImageSet, most: int) -> ImageSet:
    return trusted if len(trusted) <= most else trusted.subset(proportional(trusted.labels, most))


def _fitting(model: Classifier, spec: ImageSpec) -> Classifier:
    """The model, which has to be of the data set's images and classes."""
    known, wanted = model.description, spec.model_input
    for name in ("num_classes", "channels", "image_size"):
        if getattr(known, name) != wanted[name]:
            raise UserError(
                f"the model has {name} {getattr(known, name)}, data set '{spec.name}' {wanted[name]}: "
                "give another --dataset."
            )
    return model.eval()


def _table(found: Scan, heading: str) -> Table:
    word = "suspicious" if found.suspicious else "clean"
    table = Table(title=f"{heading}: {word}", title_justify="left", header_style="bold")
    for name in ("detector", "verdict", "what it says", "how sure", "cost"):
        table.add_column(name, justify="right" if name == "cost" else "left")
    for one in found.verdicts:
        told = (one.finding.says, one.finding.sure) if one.finding else (one.why_not, "")
        table.add_row(one.detector, one.word, *told, f"{one.seconds:.1f} s" if one.finding else "")
    return table
