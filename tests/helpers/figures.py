"""A picture to be saved, where what it shows does not matter."""

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn


@style.styled
def picture(title: str = "A figure") -> Drawn:
    """A line under a title."""
    figure, (axes,) = style.canvas(title, style.COLUMN, 1.5)
    axes.plot([0, 1], [0, 1])
    return Drawn(figure)
