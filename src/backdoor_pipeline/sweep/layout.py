"""Where this project's catalog puts the artefacts of every stage."""

import logging
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from kedro.config import AbstractConfigLoader
from kedro.framework.project import settings
from kedro.io import AbstractDataset, DatasetError
from omegaconf import OmegaConf

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.config import PlainConfigLoader
from backdoor_pipeline.pipeline_registry import STAGES

logger = logging.getLogger(__name__)

Names = Mapping[str, str]  # stage -> the name of its artefact
FIGURES, FORMATS = "figures", "formats"  # beside the stages: those asked for, and in what besides PNG
MARK, PNG = "figures.", ".png"  # begins theirs in the catalog; ends the file that further formats are beside
OWN = ("asked", "formats", "titles")  # of a figure's entry: each experiment has its own


def config_loader(project: Path, env: str | None) -> AbstractConfigLoader:
    """The project's configuration in this environment, of no experiment in particular."""
    source = str(project / settings.CONF_SOURCE)
    return PlainConfigLoader(conf_source=source, env=env, **settings.CONFIG_LOADER_ARGS)


def raw_folder(project: Path, env: str | None) -> Path:
    """The folder of raw data, where the catalog's `clean` is in this environment.

    Raises:
        UserError: the catalog cannot be read, or does not say it.
    """
    return project / _filepath("clean", _catalog(config_loader(project, env)))


def _catalog(loader: AbstractConfigLoader) -> dict[str, Any]:
    """The catalog's configuration, with `{stage}` in place of an experiment's names."""
    OmegaConf.register_new_resolver("artifact", lambda stage: f"{{{stage}}}", replace=True)
    OmegaConf.register_new_resolver("experiment", lambda path: path, replace=True)
    found: dict[str, Any] = loader["catalog"]
    return found


class Layout:
    """The files of every stage, with `{stage}` in their paths for the names of artefacts.

    Args:
        catalog: the catalog's configuration, read while `placeholders` stand in for an experiment.
        project: what relative paths start from.
    """

    def __init__(self, catalog: Mapping[str, Any], project: Path) -> None:
        self.catalog = catalog
        self._project = project
        self._files = {
            stage: [
                (name, file)
                for name in sorted(module.create_pipeline().all_outputs())
                for file in _files_of(name, catalog)
            ]
            for stage, module in STAGES.items()
        }
        self._metrics = {
            stage: _filepath(name, catalog) if (name := f"{stage}_metrics") in catalog else None
            for stage in STAGES
        }
        self.raw = project / _filepath("clean", catalog)

    @classmethod
    def of(cls, loader: AbstractConfigLoader, project: Path) -> "Layout":
        """The layout that a configuration describes."""
        return cls(_catalog(loader), project)

    @cached_property
    def reporting(self) -> Path:
        """The folder that holds all results."""
        return self.above("evaluate")

    @property
    def results(self) -> Path:
        """The table of all cells."""
        return self.reporting / "results.parquet"

    def above(self, stage: str) -> Path:
        """The folder that holds all artefacts of a stage."""
        return self._project / self._files[stage][0][1].partition("/{")[0]

    def folder(self, stage: str, names: Names) -> Path:
        """The folder of a stage's artefact."""
        return self.files(stage, names)[0].parent

    def files(self, stage: str, names: Names) -> list[Path]:
        """The files that make a stage's artefact complete; of figures, of those that are asked for."""
        patterns = [
            pattern
            for name, pattern in self._files[stage]
            if not name.startswith(MARK) or name.removeprefix(MARK) in names[FIGURES].split()
        ]
        pictures = [one.removesuffix(PNG) for one in patterns if one.endswith(PNG)]
        further = [f"{one}.{kind}" for one in pictures for kind in names.get(FORMATS, "").split()]
        return [self._project / pattern.format_map(names) for pattern in [*patterns, *further]]

    def metrics(self, stage: str, names: Names) -> Path | None:
        """The file of a stage's metrics, if it has any."""
        pattern = self._metrics[stage]
        return self._project / pattern.format_map(names) if pattern else None

    def exists(self, stage: str, names: Names) -> bool:
        """Whether an artefact is complete now. Its content is verified by the run that uses it."""
        return all(file.exists() for file in self.files(stage, names))


class Snapshot:
    """What exists at one moment; each folder is listed once, which spares a shared file system."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._listed: dict[Path, frozenset[str]] = {}
        self._known: dict[tuple[str, str], bool] = {}

    def exists(self, stage: str, names: Names) -> bool:
        """See `Layout.exists`."""
        key = (stage, names[stage])
        if key not in self._known:
            files = self._layout.files(stage, names)
            self._known[key] = all(file.name in self._names_in(file.parent) for file in files)
        return self._known[key]

    def _names_in(self, folder: Path, above: int = 1) -> frozenset[str]:
        if folder not in self._listed:
            absent = above and folder.name not in self._names_in(folder.parent, above - 1)
            self._listed[folder] = frozenset() if absent else _listed(folder)
        return self._listed[folder]


def _listed(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:  # what needs it will fail by itself; the other cells go on
        logger.warning("%s cannot be listed (%s): see that it can be read.", folder, error.strerror)
        return frozenset()


def _files_of(name: str, catalog: Mapping[str, Any]) -> list[str]:
    """The files of a stage's output: all of our datasets tell theirs."""
    entry = catalog.get(name)
    if not isinstance(entry, Mapping):
        raise UserError(f"'{name}' is not a valid dataset configuration in the catalog: it must be a table.")
    told = {key: value for key, value in entry.items() if key not in OWN}
    try:
        files = getattr(AbstractDataset.from_config(name, told), "files", None)
    except DatasetError as error:
        why = str(error).strip().split("\n")[0]
        raise UserError(f"'{name}' in the catalog is not a valid dataset configuration: {why}") from None
    if files is None:
        raise UserError(f"'{name}' in the catalog is no dataset whose files a sweep can find.")
    return [str(file) for file in files]


def _filepath(name: str, catalog: Mapping[str, Any]) -> str:
    """Where the catalog says that something is."""
    entry = catalog.get(name)
    path = entry.get("filepath") if isinstance(entry, Mapping) else None
    if not isinstance(path, str):
        raise UserError(
            f"'{name}' is not a valid dataset configuration in the catalog: it has no `filepath`."
        )
    return path
