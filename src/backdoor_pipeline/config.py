"""Kedro's configuration: the parameters resolved into an experiment, its names in the catalog's reach."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from kedro.config import AbstractConfigLoader, OmegaConfigLoader
from kedro.utils import find_kedro_project
from omegaconf import OmegaConf

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.manifest import Manifest, survey
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.experiment.stages import stages

RATIO = "poison_ratio"


class ExperimentConfigLoader(OmegaConfigLoader):
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
        return super().__getitem__(key)

    def _survey(self, dataset: DatasetSpec) -> Manifest | None:
        """What a data set consists of; None if it cannot be read: a run that needs it will say so."""
        project = self.project or find_kedro_project(Path(self.conf_source)) or Path.cwd()
        _register_placeholders()
        clean = super().__getitem__("catalog").get("clean", {})
        with suppress(UserError):
            self.manifest = survey(dataset, project / clean["filepath"]) if "filepath" in clean else None
        return self.manifest


def environment_parameters(loader: AbstractConfigLoader) -> dict[str, Any]:
    """The parameters that an environment such as `conf/local` gives, without those of `conf/base`."""
    assert isinstance(loader, OmegaConfigLoader)
    environment = loader.env or loader.default_run_env
    if environment == loader.base_env:
        return {}
    folder = loader._get_conf_env_path(environment)
    given: dict[str, Any] = loader.load_and_merge_dir_config(
        folder, loader.config_patterns["parameters"], "parameters", set()
    )
    return given


def _register_placeholders() -> None:
    OmegaConf.register_new_resolver("artifact", str, replace=True)
    OmegaConf.register_new_resolver("experiment", str, replace=True)


def _register_resolvers(experiment: Experiment) -> None:
    names = artifact_names(experiment)
    content = experiment.model_dump(mode="json")

    def quote(path: str) -> Any:
        value = content
        for part in path.split("."):
            value = value[part]
        return value

    OmegaConf.register_new_resolver("artifact", names.__getitem__, replace=True)
    OmegaConf.register_new_resolver("experiment", quote, replace=True)
