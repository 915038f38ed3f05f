"""What single images are recognized by: maps over them, clean and triggered, before and after a defense."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.sheet import ColorBar, Sheet
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.hosting import hosted

TILE = 96  # pixels that a picture has at least in print
SCALE = 0.99  # of the values of signed maps are told apart by color
MOST_SIDE = 64  # of a map in the table; larger ones are averaged over blocks
HEAT_SHARE, SIGNED_SHARE = 0.65, 0.85  # of the map in an overlaid picture: pale colors need more

Method = Callable[[Classifier, Tensor, Tensor], Tensor]
"""A model in evaluation mode, images in [0, 1] (N, C, H, W), a class of each: to maps (N, h, w)."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a method's maps are shown.

    Attributes:
        colors: matplotlib's name of the scale, safe for all kinds of color vision.
        label: of the color bar.
        signed: 0 is in the middle of the colors, and all maps have one scale; else each map has its own,
            from its least to its greatest value.
        unit: not even that: values are from 0 to 1, and shown as they are.
        overlaid: on the image, which a spectrum has no place on.
        smooth: values between the map's points are interpolated.
    """

    colors: str
    label: str
    signed: bool = False
    unit: bool = False
    overlaid: bool = True
    smooth: bool = False


HEAT = Look("inferno", "relevance, least to most in each map", smooth=True)
SPECTRUM = Look("inferno", "saliency, 0 to 1 in each map", unit=True, overlaid=False)
SIGNED = Look("PuOr_r", "part of the class's probability", signed=True)


@dataclass(frozen=True, slots=True)
class Explained:
    """The images of a figure; all tensors have a row per image.

    Attributes:
        index: rows of the test set, int64.
        true_labels: int64.
        versions: by name, such as clean and triggered: uint8, (N, C, H, W).
        classes: the K class names.
    """

    index: Tensor
    true_labels: Tensor
    versions: Mapping[str, Tensor]
    classes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Maps:
    version: str
    model: str
    predicted: Tensor
    probability: Tensor
    values: Tensor


def explanation_figure(
    explained: Explained,
    models: Mapping[str, Classifier],
    method: Method,
    look: Look,
    trainer: Trainer,
    title: str,
) -> Figure:
    """A row per image; for each of its versions the image, and a map of each model's decision on it.

    Args:
        explained: the images.
        models: by name, such as before and after a defense; left where and as they were.
        method: makes the maps, of the class that the model takes each image for.
        look: of the maps.
        trainer: the engine.
        title: names the experiment.

    Returns:
        The figure; its table has a row per point of every map (of at most 64 a side).
    """
    maps = [
        _explain(explained.versions[version], version, name, model, method, trainer)
        for version in explained.versions
        for name, model in models.items()
    ]
    most = _largest(maps) if look.signed else 1.0
    bar = ColorBar(look.colors, look.label, (-most if look.signed else 0.0, most), extended=look.signed)
    pictures, captions, columns = [], [], []
    for version, images in explained.versions.items():
        pictures.append(_enlarged(images))
        captions.append([""] * len(images))
        columns.append(version)
        for one in (one for one in maps if one.version == version):
            pictures.append(_picture(one.values, images, look, most))
            captions.append(_captions(one, explained.classes))
            columns.append(_lines(one.model))
    sheet = Sheet(
        torch.stack(pictures, dim=1),
        [_brief(explained.classes[label], 14) for label in explained.true_labels.tolist()],
        columns,
        list(zip(*captions, strict=True)),
        bar,
    )
    width = min(style.PAGE, 1.6 + 0.9 * len(columns))
    return Figure(title, sheet.draw(title, width), sheet.plotly(title), _table(explained, maps))


def _explain(
    images: Tensor, version: str, name: str, model: Classifier, method: Method, trainer: Trainer
) -> _Maps:
    """In single precision, whatever the engine's: gradients are small."""
    with hosted(model, trainer.device, training=False):
        floats = images.to(trainer.device).float() / 255
        with torch.no_grad():
            probability, predicted = model(floats).softmax(1).max(1)
        values = method(model, floats, predicted)
    return _Maps(version, name, predicted.cpu(), probability.cpu(), values.detach().float().cpu())


def _largest(maps: Sequence[_Maps]) -> float:
    """The end of a common scale: one value in a hundred may lie beyond, or a trigger would pale all else."""
    sizes = torch.cat([one.values.flatten() for one in maps]).abs()
    return float(sizes.quantile(SCALE)) or float(sizes.max()) or 1.0


def _enlarged(images: Tensor) -> Tensor:
    """Every pixel repeated until an image is large enough to lay a smooth map over: (N, 3, H', W')."""
    times = -(-TILE // images.shape[-1])
    return images.repeat_interleave(times, -1).repeat_interleave(times, -2).expand(-1, 3, -1, -1)


def _picture(values: Tensor, images: Tensor, look: Look, most: float) -> Tensor:
    """The maps in their colors, over the images in gray where they are overlaid: uint8, (N, 3, H', W')."""
    below = _enlarged(images).float().mean(1, keepdim=True)
    shades = _shades(values, look, most)[:, None]
    if look.smooth:
        shades = F.interpolate(shades, below.shape[2:], mode="bilinear", align_corners=False)
    else:
        shades = F.interpolate(shades, below.shape[2:], mode="nearest-exact")
    colors = mpl.colormaps[look.colors](shades[:, 0].numpy())[..., :3]
    colored = torch.from_numpy(255 * np.moveaxis(colors, -1, 1)).float()
    share = (SIGNED_SHARE if look.signed else HEAT_SHARE) if look.overlaid else 1.0
    return (share * colored + (1 - share) * below).round().to(torch.uint8)


def _shades(values: Tensor, look: Look, most: float) -> Tensor:
    """The values' places on the color scale, 0..1."""
    if look.signed:
        return (values / (2 * most) + 0.5).clamp(0, 1)
    if look.unit:
        return values
    least, greatest = (extreme(values, dim=(1, 2), keepdim=True) for extreme in (torch.amin, torch.amax))
    return (values - least) / (greatest - least).clamp(min=torch.finfo(values.dtype).tiny)


def _captions(maps: _Maps, classes: Sequence[str]) -> list[str]:
    return [
        f"→ {_brief(classes[label], 10)} {share:.0%}"
        for label, share in zip(maps.predicted.tolist(), maps.probability.tolist(), strict=True)
    ]


def _lines(name: str) -> str:
    """A model's name above a column."""
    return "\n".join(_brief(line, 14) for line in textwrap.wrap(name, 14, break_long_words=False))


def _brief(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def _table(explained: Explained, maps: Sequence[_Maps]) -> pd.DataFrame:
    frames = []
    for one in maps:
        values = _reduced(one.values)
        count, height, width = values.shape
        points = np.indices((count, height, width)).reshape(3, -1)
        image = points[0]
        facts: dict[str, Any] = {
            "image": explained.index.numpy()[image],
            "true_label": np.array(explained.classes)[explained.true_labels.numpy()[image]],
            "shown": one.version,
            "model": one.model.replace("\n", " "),
            "predicted": np.array(explained.classes)[one.predicted.numpy()[image]],
            "probability": one.probability.numpy()[image].round(4),
            "row": points[1],
            "column": points[2],
            "value": [float(f"{value:.4g}") for value in values.flatten().tolist()],
        }
        frames.append(pd.DataFrame(facts))
    return pd.concat(frames, ignore_index=True)


def _reduced(values: Tensor) -> Tensor:
    """Maps of at most `MOST_SIDE` a side, by the mean over blocks."""
    height, width = (min(side, MOST_SIDE) for side in values.shape[1:])
    return F.adaptive_avg_pool2d(values[:, None], (height, width))[:, 0]
