"""Kedro's configuration: the parameters resolved into an experiment, its names in the catalog's reach."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from fnmatch import fnmatch
from pathlib import Path
from tarfile import TarError
from typing import Any
from zipfile import BadZipFile

from kedro.config import AbstractConfigLoader, MissingConfigException, OmegaConfigLoader
from kedro.utils import find_kedro_project
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from backdoor_pipeline.base.errors import UserError, quoted, unknown
from backdoor_pipeline.base.memo import FileMemo
from backdoor_pipeline.base.nesting import overlaid
from backdoor_pipeline.data.manifest import Manifest, survey
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.experiment.stages import STAGES, stages
from backdoor_pipeline.experiment.yaml_text import read_yaml_file

SUFFIXES = (".yml", ".yaml", ".json")  # of the files that Kedro reads
UNREADABLE = (OSError, ImportError, ValueError, EOFError, TarError, BadZipFile)  # archives and addresses
OPTIONAL = ("credentials", "globals")  # Kedro goes on without them
PATHS = ("folder", "checkpoints", "notes", "supersedes")  # in our catalog entries; "filepath" is Kedro's own

RATIO = "poison_ratio"

_FILES = FileMemo()  # a process that runs many experiments parses the same files for each


class PlainConfigLoader(OmegaConfigLoader):
    """Kedro's loader, with `conf/local` in every environment; a faulty file is told in a sentence."""

    def __init__(self, conf_source: str | Path, env: str | None = None, *args: Any, **kwargs: Any) -> None:
        folder = Path(conf_source)
        if folder.is_dir():
            _see_that_it_has(folder, env, kwargs.get("base_env"), kwargs.get("default_run_env"))
        try:
            super().__init__(conf_source, env, *args, **kwargs)
        except UNREADABLE as error:
            raise UserError(f"no configuration can be read from {conf_source}: {_brief(error)}.") from None

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Configuration by its kind.

        Raises:
            UserError: a file is not what it should be, or its interpolations lead nowhere.
        """
        if key not in self:
            contents = [_table(file) for file in self._files(key)]
            if key == "parameters":
                _see_that_tables_meet_tables([*contents, self.runtime_params or {}])
        with _told(key, self.conf_source):
            found: dict[str, Any] = super().__getitem__(key)
        return found

    @property
    def environments(self) -> tuple[str, ...]:
        """The folders that are read, each laid over those before it: `base`, `local`, the one asked for.

        `--env base` asks for `base` alone.
        """
        if self.env == self.base_env:
            return (self.base_env,)
        return tuple(dict.fromkeys([self.base_env, self.default_run_env, self.env or self.default_run_env]))

    def folder_config(self, env: str, key: str) -> dict[str, Any]:
        """What one environment gives of a kind; nothing if it has no folder, as a packaged `local`."""
        folder, patterns = self._get_conf_env_path(env), self.config_patterns[key]
        with suppress(MissingConfigException):
            found: dict[str, Any] = self.load_and_merge_dir_config(
                folder, patterns, key, set(), key == "credentials"
            )
            return found
        return {}

    def _read_dir_configs(
        self,
        conf_path: str,
        patterns: Iterable[str],
        key: str,
        processed_files: set[Path],
        secret: bool | None = False,
    ) -> dict[Path, Any]:
        """Kedro parses all files of a kind in a folder; here that is remembered, but for secrets."""
        files = [] if secret else list(_files_in(Path(conf_path), patterns))
        if not files:  # or they lie in an archive
            unknown: dict[Path, Any] = super()._read_dir_configs(
                conf_path, patterns, key, processed_files, secret
            )
            return unknown
        known = _FILES.of((conf_path, key), files, lambda: self._parsed(conf_path, patterns, key))
        processed_files.update(known)
        return deepcopy(known)  # it is merged in place

    def _parsed(self, conf_path: str, patterns: Iterable[str], key: str) -> dict[Path, Any]:
        found: dict[Path, Any] = super()._read_dir_configs(conf_path, patterns, key, set())
        return found

    def _merge_configs(
        self, config: dict[str, Any], env_config: dict[str, Any], key: str, env_path: str
    ) -> Any:
        """Kedro lays the environment over `base`; here those between the two go under it."""
        for env in self.environments[1:-1]:
            between = self.folder_config(env, key)
            config = super()._merge_configs(config, between, key, self._get_conf_env_path(env))
        return super()._merge_configs(config, env_config, key, env_path)

    def _files(self, key: str) -> Iterator[Path]:
        """The files of this kind, if they lie in folders here."""
        for env in self.environments:
            yield from _files_in(Path(self.conf_source, env), self.config_patterns.get(key, ()))


class ExperimentConfigLoader(PlainConfigLoader):
    """Adds `experiment`, and its `stages`, to the parameters; lets the catalog quote it.

    `${artifact:train}` is the folder of a stage's artefacts, `${experiment:choices.attack}` a part of the
    experiment.

    Attributes:
        project: what relative paths start from; where nobody has said it, the project that has this `conf/`.
        manifest: of the experiment's data set; None if that is not there.
    """

    project: Path | None = None
    manifest: Manifest | None = None

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Configuration by its kind.

        Raises:
            UserError: the parameters ask for something that is not there.
        """
        if key == "parameters" and key not in self:
            params = super().__getitem__(key)
            ratio_given = RATIO in (self.runtime_params or {}) or RATIO in environment_parameters(self)
            experiment = resolve(params, self._survey, ratio_given=ratio_given)
            told = {name: spec.model_dump(mode="json") for name, spec in stages(experiment).items()}
            self[key] = {**params, "experiment": experiment.model_dump(mode="json"), "stages": told}
        if key == "catalog":
            _register_resolvers(Experiment.model_validate(self["parameters"]["experiment"]))
            return _from_project(super().__getitem__(key), self.project)
        return super().__getitem__(key)

    def _survey(self, dataset: DatasetSpec) -> Manifest | None:
        """What a data set consists of; None if it cannot be read: a run that needs it will say so."""
        project = self.project or find_kedro_project(Path(self.conf_source)) or Path.cwd()
        clean = self._entry("clean")
        raw = clean.get("filepath") if isinstance(clean, Mapping) else None
        with suppress(UserError):
            self.manifest = survey(dataset, project / raw) if isinstance(raw, str) else None
        return self.manifest

    def _entry(self, name: str) -> Any:
        """One entry of the catalog, of no experiment in particular; None if there is none.

        Raises:
            UserError: it is not what it should be.
        """
        _register_placeholders()
        self._register_runtime_params_resolver()
        for file in self._files("catalog"):
            _table(file)
        with _told("catalog", self.conf_source):
            for env in reversed(self.environments):
                folder, patterns = self._get_conf_env_path(env), self.config_patterns["catalog"]
                with suppress(MissingConfigException):
                    found = [*self._read_dir_configs(folder, patterns, "catalog", set()).values()]
                    if any(name in one for one in found):
                        return _plain(OmegaConf.select(OmegaConf.unsafe_merge(*found), name))
        return None


def environment_parameters(loader: AbstractConfigLoader) -> dict[str, Any]:
    """The parameters that environments such as `conf/local` give, without those of `conf/base`."""
    assert isinstance(loader, PlainConfigLoader)
    given: dict[str, Any] = {}
    for env in loader.environments[1:]:
        given = overlaid(given, loader.folder_config(env, "parameters"))
    return given


def _register_placeholders() -> None:
    OmegaConf.register_new_resolver("artifact", str, replace=True)
    OmegaConf.register_new_resolver("experiment", str, replace=True)


def _see_that_it_has(folder: Path, env: str | None, base: str | None, default: str | None) -> None:
    known = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    for needed in (base, None if env else default):
        if needed and needed not in known:
            raise UserError(f"{folder} holds no configuration: it needs a folder '{needed}'.")
    if env and env not in known:
        raise unknown("environment", env, known)


def _plain(entry: Any) -> Any:
    return OmegaConf.to_container(entry, resolve=True) if OmegaConf.is_config(entry) else entry


def _files_in(folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """The files of a folder that Kedro reads for these patterns, in order."""
    for file in sorted(folder.rglob("*")):
        path = str(file.relative_to(folder))
        wanted = not path.startswith(".") and any(fnmatch(path, pattern) for pattern in patterns)
        if wanted and file.suffix in SUFFIXES and file.is_file():
            yield file


def _table(file: Path) -> dict[str, Any]:
    """What a file holds, which is a table, or nothing; nobody may change it."""
    return _FILES.of(file, [file], lambda: _read_table(file))


def _read_table(file: Path) -> dict[str, Any]:
    content = read_yaml_file(file)
    if content is None or isinstance(content, dict):
        return content or {}
    kind = "a list" if isinstance(content, list) else "a single value"
    raise UserError(f"{file} must hold `name: value` lines, not {kind}.")


def _see_that_tables_meet_tables(contents: Iterable[Mapping[str, Any]]) -> None:
    """Say where a list is laid over a table: OmegaConf says only that there is such a place."""
    tables: dict[str, Any] = {}
    for content in contents:
        tables = _laid_over(tables, content, "")


def _laid_over(below: dict[str, Any], above: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Nested parameters with others over them, as OmegaConf merges them."""
    merged = dict(below)
    for name, value in above.items():
        there = below.get(name)
        if isinstance(there, dict) and isinstance(value, list):
            raise UserError(f"'{where}{name}' must be a table of parameters, not {quoted(value)}.")
        if isinstance(there, dict) and isinstance(value, Mapping):
            value = _laid_over(there, value, f"{where}{name}.")
        merged[name] = value
    return merged


@contextmanager
def _told(key: str, source: str | Path) -> Iterator[None]:
    """Turn what Kedro and OmegaConf raise for a user's text into a sentence."""
    try:
        yield
    except OmegaConfBaseException as error:
        at = f", at {error.full_key}" if error.full_key else ""
        raise UserError(f"the {key} in {source} do not fit together{at}: {_brief(error)}.") from None
    except MissingConfigException as error:
        if key in OPTIONAL:
            raise
        raise UserError(f"the {key} cannot be read: {_brief(error)}.") from None
    except ValueError as error:  # Kedro's for a key that is in two files of one folder
        raise UserError(f"the {key} in {source} do not fit together: {_brief(error)}.") from None


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__


def _from_project(catalog: dict[str, Any], project: Path | None) -> dict[str, Any]:
    """The catalog with every relative path of our own entries starting from the project."""
    if project is None:
        return catalog
    return {
        name: {
            key: str(project / value) if key in PATHS and isinstance(value, str) else value
            for key, value in entry.items()
        }
        if isinstance(entry, dict)
        else entry
        for name, entry in catalog.items()
    }


def _register_resolvers(experiment: Experiment) -> None:
    names = artifact_names(experiment)
    content = experiment.model_dump(mode="json")

    def quote(path: str) -> Any:
        value = content
        for part in path.split("."):
            value = value[part]
        return value

    nowhere = dict.fromkeys(STAGES, "absent")  # of stages that this experiment has no need of
    OmegaConf.register_new_resolver("artifact", {**nowhere, **names}.__getitem__, replace=True)
    OmegaConf.register_new_resolver("experiment", quote, replace=True)
