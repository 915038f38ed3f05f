"""The Ray engine: tasks on a cluster. Scheduling, retries and warm worker processes are Ray's."""

import logging
import os
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.nesting import overlaid
from backdoor_pipeline.base.secrets import URI, without_secrets
from backdoor_pipeline.sweep.execution import Job, Outcome, Site, execute
from backdoor_pipeline.sweep.grid import Kind, Resources

logger = logging.getLogger(__name__)

# Ray pins CUDA_VISIBLE_DEVICES for a process that serves one task; ours serve many, maybe on other GPUs.
ENVIRONMENT = {"RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}


class RayEngine:
    """Ray's tasks.

    Args:
        site: what the workers share; the project is at the same path on every node.
        address: `auto` or an address for a running cluster; `local` for one on this machine, for this sweep.
        cpus: of a local cluster.
        retries: how often Ray tries a task again after its process or its node was lost.
        resources: for each kind of task.

    Raises:
        UserError: Ray is not installed, or there is no such cluster.
    """

    def __init__(
        self, site: Site, address: str, cpus: int, retries: int, resources: Mapping[Kind, Resources]
    ) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise UserError("--engine ray needs Ray: pip install 'backdoor-pipeline[ray]'.") from None
        self._ray, self._site, self._resources = ray, site, resources
        try:
            ray.init(
                address=address,
                num_cpus=cpus if address == "local" else None,
                include_dashboard=False if address == "local" else None,
                runtime_env={"env_vars": {**ENVIRONMENT, **_tracking(), **site.environment()}},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError) as error:
            raise UserError(
                f"there is no Ray cluster at '{address}' ({error}): start one or use --address local."
            ) from None
        self._gpus = 1.0 if ray.cluster_resources().get("GPU") else 0.0
        self._task = ray.remote(max_retries=retries, max_calls=0)(execute_on_ray)

    @property
    def slots(self) -> int:
        """Twice what fits on the cluster now, so that one that can grow sees a reason to."""
        cpus = self._ray.cluster_resources().get("CPU", 1)
        return 2 * max(1, int(cpus / self._site.threads)) + 2

    def submit(self, job: Job) -> "Future[Outcome]":
        """See `Engine.submit`."""
        given = self._resources.get(job.kind, Resources())
        cpus = given.cpus if given.cpus is not None else self._site.threads
        gpus = given.gpus if given.gpus is not None else self._gpus
        plain = asdict(job)
        if not gpus:  # `auto` must not mean a GPU that was not given
            plain["params"] = overlaid(job.params, {"engine": {"device": "cpu"}})
        task = self._task.options(num_cpus=cpus, num_gpus=gpus, name=job.id)
        future: Future[Outcome] = task.remote(plain, asdict(self._site)).future()
        return future

    def close(self) -> None:
        """Leave the cluster, which ends this sweep's tasks; a local cluster ends too."""
        self._ray.shutdown()


def execute_on_ray(job: dict[str, Any], site: dict[str, Any]) -> Outcome:
    """`execute`, on the GPU that Ray assigned, if any."""
    import ray

    assigned = [int(gpu) for gpu in ray.get_gpu_ids()]
    return execute(Job(**job), Site(**site), gpu_index(assigned, os.environ.get("CUDA_VISIBLE_DEVICES")))


def gpu_index(assigned: list[int], visible: str | None) -> int | None:
    """PyTorch's index of the first assigned GPU, among those that the node was started with.

    >>> gpu_index([3], "2,3")
    1
    """
    if not assigned:
        return None
    return visible.split(",").index(str(assigned[0])) if visible else assigned[0]


def _tracking() -> dict[str, str]:
    """The tracking server that the user set, without what Ray must not show: that is set on the nodes."""
    uri = os.environ.get(URI, "")
    told = without_secrets(uri)
    if told != uri:
        logger.warning(
            "the user and the query of %s are not passed on to Ray, which shows what it passes on: set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or your database's) on the nodes.",
            URI,
        )
    return {URI: told} if told else {}
