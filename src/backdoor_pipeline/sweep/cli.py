"""`kedro sweep`. What does the work is imported when it is called, so that other commands start as fast."""

from typing import Any

import click

from backdoor_pipeline.base.collecting import seldom_collecting
from backdoor_pipeline.experiment.command_line import ProjectCommand


@click.command(cls=ProjectCommand)
@click.argument("name", required=False)
@click.option("--grid", "axes", multiple=True, help="An axis: parameter=value,value,... Repeatable.")
@click.option("--only", multiple=True, help="Only cells with these values: parameter=value,... Repeatable.")
@click.option("--params", multiple=True, help="Parameters of every cell, as of kedro run. Repeatable.")
@click.option("--env", "-e", help="Kedro's configuration environment.")
@click.option(
    "--pipeline",
    "-p",
    type=click.Choice(["evaluate", "analyze"]),
    default="evaluate",
    show_default=True,
    help="The last stage of every cell.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan, cell by cell, and stop.")
@click.option(
    "--assume", metavar="FILE", help="With --dry-run: what it costs where stages take what FILE says."
)
@click.option("--retry-failed", is_flag=True, help="Try again what failed in an earlier sweep.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes on this machine. Default: one per GPU, or else one per core.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="PyTorch's threads in every worker. Default: the cores divided among the workers; 1 with Ray.",
)
@click.option("--address", default="auto", show_default=True, help="Ray's: auto, local or an address.")
@click.option(
    "--retries",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="How often a task is tried again after its process, or its node, was lost.",
)
def sweep(**options: Any) -> None:
    r"""Run a grid of experiments, sharing what they have in common, and go on where the last sweep stopped.

    NAME is a file in conf/base/sweeps. Axes on the command line replace those of the same name in it; --only
    chooses among its cells.

    \b
    kedro sweep paper --dry-run
    kedro sweep paper --dry-run --assume docs/costs/cpu-core.yml
    kedro sweep --grid attack=badnets,none --grid seed=0,1,2 --params epochs:5
    kedro sweep paper --only dataset=cifar10 --only seed=0,1 --engine ray
    """
    with seldom_collecting():  # trainings are in processes of their own
        from backdoor_pipeline.sweep.command import Options, run_sweep

        code = run_sweep(Options(**options))
    if code:
        raise SystemExit(code)
