"""Does a backdoor open to weaker and stronger triggers than the one it was trained with (B.8)?"""

import pandas as pd
import torch
from torch import Tensor, nn

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.lines import Line, Panel, line_figure, note
from backdoor_pipeline.attacks.trigger import AnyTrigger, Trigger
from backdoor_pipeline.data.samples import Held
from backdoor_pipeline.metrics.accuracy import attack_success_rate, robust_accuracy
from backdoor_pipeline.training import Trainer

COLUMNS = ("strength_of", "trained", "strength", "model", "images", "asr", "robust_accuracy")
BEFORE, AFTER = "before", "after"  # the defense
SAME = 1e-3  # relative difference below which two strengths are one
LOOKS = {BEFORE: ("before defense", style.VERMILION, "-"), AFTER: ("after defense", style.BLUE, "--")}


def strengths_to_test(trigger: AnyTrigger) -> list[float]:
    """The values at which all such triggers are tested, and its own, ascending; none without a strength."""
    if not isinstance(trigger, Trigger) or trigger.strengths is None:
        return []
    own = trigger.own_strength()
    others = [value for value in trigger.strengths.tested if abs(value - own) > SAME * own]
    return sorted([own, *others])


@torch.no_grad()
def strength_rows(
    trainer: Trainer,
    models: dict[str, nn.Module],
    trigger: AnyTrigger,
    images: Held,
    targets: Tensor,
    true_labels: Tensor,
) -> pd.DataFrame:
    """What the models answer to test images that carry the trigger at other strengths.

    Args:
        trainer: the engine.
        models: by when, `before` and perhaps `after` the defense.
        trigger: as the attack crafted it.
        images: clean, uint8, (N, C, H, W); of texts no trigger has a strength.
        targets: the label that the attacker wants for each, int64, (N,).
        true_labels: int64, (N,).

    Returns:
        A row per strength and model: `strength_of` (the label of what is varied), `trained` (the trigger's
        own strength), `strength` (that tested), `model`, `images` (how many), `asr` and `robust_accuracy`.
    """
    rows = []
    for value in strengths_to_test(trigger):
        assert isinstance(trigger, Trigger)
        assert isinstance(images, Tensor)
        changed = trigger if value == trigger.own_strength() else trigger.at_strength(value)
        stamped = changed.to(trainer.device)(images.to(trainer.device)).cpu()
        changed.cpu()
        for when, model in models.items():
            predicted = trainer.predict(model, stamped)
            rates = [rate(predicted, targets, true_labels) for rate in (attack_success_rate, robust_accuracy)]
            label = trigger.strengths.label if trigger.strengths else ""
            rows.append((label, trigger.own_strength(), value, when, len(images), *rates))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def generalization_figure(rows: pd.DataFrame, title: str) -> Figure:
    """ASR against the strength at test, before and after the defense; the strength in training is marked.

    Args:
        rows: see `strength_rows`; of one experiment. Empty if its trigger has no strength.
        title: names the experiment.
    """
    if rows.empty:
        return note(title, "No one number makes the trigger of this attack weaker or stronger.")
    lines = [
        Line(*look, 100 * mine.set_index("strength")["asr"])
        for when, look in LOOKS.items()
        if len(mine := rows[rows["model"] == when])
    ]
    panel = Panel(
        f"{rows['strength_of'].iloc[0]} at test",
        "attack success rate (%)",
        lines,
        ylim=(-2, 102),
        whole=False,
        mark=(float(rows["trained"].iloc[0]), "in training"),
    )
    return line_figure(title, [panel], rows)
