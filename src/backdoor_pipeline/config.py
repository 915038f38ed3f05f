"""Kedro's configuration: the parameters resolved into an experiment, its names in the catalog's reach."""

from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.experiment.stages import stages


class ExperimentConfigLoader(OmegaConfigLoader):
    """Adds `experiment`, and its `stages`, to the parameters; lets the catalog quote it.

    `${artifact:train}` is the folder of a stage's artefacts, `${experiment:choices.attack}` a part of the
    experiment.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Configuration by its kind.

        Raises:
            UserError: the parameters ask for something that is not there.
        """
        if key == "parameters" and key not in self:
            params = super().__getitem__(key)
            experiment = resolve(params)
            told = {name: spec.model_dump(mode="json") for name, spec in stages(experiment).items()}
            self[key] = {**params, "experiment": experiment.model_dump(mode="json"), "stages": told}
        if key == "catalog":
            _register_resolvers(Experiment.model_validate(self["parameters"]["experiment"]))
        return super().__getitem__(key)


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
