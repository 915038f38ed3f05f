"""What an assumed cost looks like: a table of stages, and the formula with its numbers."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from backdoor_pipeline.sweep.assumed import Cost, Machine


def show_cost(console: Console, cost: Cost, machine: Machine) -> None:
    """What a plan costs on a machine that a file describes, and how that was reckoned."""
    console.print(f"Cost on {machine.machine} ({machine.basis}):", highlight=False, soft_wrap=True)
    table = Table(header_style="bold")
    for heading in ("stage", "to build", "hours"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, count in cost.counts.items():
        table.add_row(stage, f"{count:,}", hours(cost.seconds[stage]))
    table.add_row("all", f"{sum(cost.counts.values()):,}", hours(cost.total))
    console.print(table)
    for line in cost_lines(cost, machine):
        console.print(line, highlight=False, soft_wrap=True)


def cost_lines(cost: Cost, machine: Machine) -> Iterator[str]:
    """The formula, step by step."""
    yield (
        "hours of a stage  = (seconds + epochs x "
        f"{machine.epoch:g} s x factor of the model x factor of the data set) / 3600"
    )
    yield f"device hours      = {hours(cost.total)} of all stages / {machine.at_once} at once = " + hours(
        cost.total / machine.at_once
    )
    for devices in machine.devices:
        wall = cost.wall(devices, machine.at_once)
        bound = ", which one cell's stages take one after another" if wall == cost.longest else ""
        yield (
            f"{f'with {devices:,}':<17} = {hours(wall)} hours, {wall / 86400:,.1f} days"
            f"{bound or f' = device hours / {devices:,}'}"
        )


def hours(seconds: float) -> str:
    """Seconds as hours, whole ones from ten on.

    >>> hours(9000), hours(3_600_000)
    ('2.50', '1,000')
    """
    return f"{seconds / 3600:,.0f}" if seconds >= 36000 else f"{seconds / 3600:.2f}"
