"""Features in the plane: whether triggered images lie among their target class, their own, or apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from torch import Tensor

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.seeds import derive_seed

# Tol's "muted" scheme and its pale gray: told apart with every kind of color blindness
MUTED = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933",
    "#DDCC77", "#CC6677", "#882255", "#AA4499", "#BBBBBB",
)  # fmt: skip
EDGE = {
    "color": style.NEUTRAL,
    "width": 0.5,
}  # of points in the browser: the darkest would be lost on a dark page
MOST_COLORS = len(MUTED)  # classes; beyond, only those that the attack is after are told apart
Points = NDArray[np.float32]
Embed = Callable[[Points], Points]


@dataclass(frozen=True, slots=True)
class Embedded:
    """The images behind the features; all have a row per image.

    Attributes:
        index: rows of the test set, int64.
        labels: the true labels, int64.
        targets: of triggered images the label that the attack wants, of clean ones -1; int64.
        classes: the K class names.
    """

    index: Tensor
    labels: Tensor
    targets: Tensor
    classes: Sequence[str]


def tsne(features: Points, *, perplexity: float, seed: int) -> Points:
    """t-SNE from the first two principal components (van der Maaten and Hinton, 2008).

    Args:
        features: (N, D).
        perplexity: the neighbors that each point is kept close to; at most a third of the points.
        seed: the experiment's.

    Returns:
        (N, 2).
    """
    from sklearn.manifold import TSNE  # here: two seconds that other figures need not wait

    fitting = min(perplexity, (len(features) - 1) / 3)
    random_state = derive_seed(seed, "tsne") % 2**32
    points: Points = TSNE(init="pca", perplexity=fitting, random_state=random_state).fit_transform(features)
    return points


def umap(features: Points, *, neighbors: int, seed: int) -> Points:
    """UMAP from the first two principal components (McInnes et al., 2018).

    Args:
        features: (N, D).
        neighbors: the size of the neighborhoods whose shape is kept; at most all other points.
        seed: the experiment's.

    Returns:
        (N, 2).
    """
    from umap import UMAP  # here: it compiles for some ten seconds

    fitting = max(2, min(neighbors, len(features) - 1))
    random_state = derive_seed(seed, "umap") % 2**32
    # one thread: several would end at another picture each time
    reducer = UMAP(n_neighbors=fitting, init="pca", random_state=random_state, n_jobs=1)
    points: Points = reducer.fit_transform(features)
    return points


def embedding_figure(
    features: Mapping[str, Tensor], images: Embedded, embed: Embed, axis: str, title: str
) -> Figure:
    """A panel per model: its features of clean and triggered images, laid out in the plane.

    Args:
        features: by the model's name: float, (N, D).
        images: what they are of.
        embed: lays features out, such as `tsne`.
        axis: what the axes are called.
        title: names the experiment.

    Returns:
        The figure; its table has a row per model and image. Features without any spread, of a model that
        does not see its images, cannot be laid out: the panel says so, and the table leaves them out.
    """
    points = {
        name: embed(one.numpy()) if _spread(one) else np.full((len(one), 2), np.nan, dtype=np.float32)
        for name, one in features.items()
    }
    groups = _groups(images)
    names = np.array(images.classes)
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "model": name,
                    "image": images.index.numpy(),
                    "shown": np.where(images.targets.numpy() < 0, "clean", "triggered"),
                    "true_label": names[images.labels.numpy()],
                    "x": laid[:, 0],
                    "y": laid[:, 1],
                }
            )
            for name, laid in points.items()
        ],
        ignore_index=True,
    ).dropna()
    return Figure(
        title, _draw(points, groups, axis, title), _plotly(points, groups, images, axis, title), table
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """Points drawn alike; a group with a label of its own in the plane is not in the legend."""

    name: str
    rows: NDArray[np.bool_]
    color: str
    marker: str
    in_plane: bool = False
    target: bool = False


def _groups(images: Embedded) -> list[_Group]:
    labels, targets, classes = images.labels.numpy(), images.targets.numpy(), images.classes
    clean = targets < 0
    target = targets[~clean][0] if len({*targets[~clean].tolist()}) == 1 else -1  # -1: none, or several
    if len(classes) <= MOST_COLORS:
        groups = [
            _Group(name, clean & (labels == label), MUTED[label], "o", in_plane=True, target=label == target)
            for label, name in enumerate(classes)
        ]
    else:
        wanted = clean & np.isin(labels, targets[~clean])
        groups = [
            _Group("clean", clean & ~wanted, MUTED[-1], "o"),
            _Group("clean, of the target class", wanted, style.BLUE, "o"),
        ]
    return [group for group in [*groups, _Group("triggered", ~clean, style.BLACK, "x")] if group.rows.any()]


def _spread(features: Tensor) -> bool:
    return bool(features.isfinite().all() and (features != features[0]).any())


@style.styled
def _draw(points: Mapping[str, Points], groups: Sequence[_Group], axis: str, title: str) -> Drawn:
    width = style.PAGE if len(points) > 1 else style.COLUMN
    figure, all_axes = style.canvas(title, width, 3.2, columns=len(points))
    for axes, (name, laid) in zip(all_axes, points.items(), strict=True):
        _panel(axes, laid, groups)
        axes.set(title=name, xlabel=f"{axis} 1", ylabel=f"{axis} 2", xticks=[], yticks=[])
    if all_axes[0].get_legend_handles_labels()[0]:
        all_axes[0].legend(handletextpad=0.2)
    return Drawn(figure)


def _panel(axes: Axes, laid: Points, groups: Sequence[_Group]) -> None:
    if np.isnan(laid).any():
        axes.text(0.5, 0.5, "the features of all samples are the same", ha="center", va="center")
        return
    for group in groups:
        x, y = laid[group.rows].T
        size, width = (4, 0.0) if group.marker == "o" else (7, 0.5)
        label = None if group.in_plane else group.name
        axes.scatter(x, y, size, group.color, marker=group.marker, linewidths=width, label=label)
    axes.margins(0.08)
    for group in groups:
        if group.in_plane:
            _name(axes, group, laid)


def _name(axes: Axes, group: _Group, laid: Points) -> None:
    """The class's name above the bulk of its points; the target's in bold, and said to be it."""
    mine = laid[group.rows]
    middle = np.median(mine, axis=0)
    reach = np.quantile(np.abs(mine - middle), 0.9, axis=0)
    bulk = mine[(np.abs(mine - middle) <= reach).all(axis=1)]
    top = bulk[:, 1].max() if len(bulk) else middle[1]
    axes.annotate(
        f"{group.name} (target)" if group.target else group.name,
        (middle[0], top),
        (0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7,
        fontweight="bold" if group.target else "normal",
        path_effects=[withStroke(linewidth=2, foreground="white")],
    )


def _plotly(
    points: Mapping[str, Points], groups: Sequence[_Group], images: Embedded, axis: str, title: str
) -> dict[str, Any]:
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    names = np.array(images.classes)[images.labels.numpy()]
    for number, (name, laid) in enumerate(points.items(), start=1):
        axes, place = style.plotly_panel(number, len(points), f"{name}: {axis} 1", f"{axis} 2")
        layout |= {key: {**one, "showticklabels": False, "showgrid": False} for key, one in axes.items()}
        if np.isnan(laid).any():
            continue
        for group in groups:
            x, y = laid[group.rows].round(3).T
            symbol, color = ("circle", group.color) if group.marker == "o" else ("x", style.VERMILION)
            trace = {
                "type": "scattergl",
                "mode": "markers",
                "name": f"{group.name} (target)" if group.target else group.name,
                "legendgroup": group.name,
                "showlegend": number == 1,
                "x": x.tolist(),
                "y": y.tolist(),
                "text": names[group.rows].tolist(),
                "marker": {"color": color, "size": 5, "symbol": symbol, "line": EDGE},
            }
            traces.append(trace | place)
    return {"data": traces, "layout": style.plotly_layout(title, **layout)}
