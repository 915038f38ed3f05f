"""Before anything runs: the parameters become an experiment, and the experiment names its artefacts."""

from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from omegaconf import OmegaConf

from backdoor_pipeline.artifacts import artifact_names
from backdoor_pipeline.catalog import ImageSplitDataset
from backdoor_pipeline.data.sources import find_split
from backdoor_pipeline.experiment import Experiment, resolve


class ExperimentHooks:
    """Resolves the experiment; puts it in the parameters, as `experiment`, and within the catalog's reach.

    The catalog names artefacts with `${artifact:train}` and quotes the experiment with
    `${experiment:choices.attack}`.
    """

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """See the class.

        Raises:
            UserError: the parameters ask for something that is not there.
        """
        params = context.config_loader["parameters"]
        experiment = resolve(params)
        context.config_loader["parameters"] = {**params, "experiment": experiment.model_dump(mode="json")}
        _register_resolvers(experiment)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """See that the data set is there, before anything is written.

        Raises:
            UserError: it is not; the message says how to get it.
        """
        for split in ("clean_train", "clean_test"):
            clean = catalog.get(split)
            if isinstance(clean, ImageSplitDataset):
                find_split(clean.spec, clean.raw, clean.split)


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
