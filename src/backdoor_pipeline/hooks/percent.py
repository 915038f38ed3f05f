"""Fractions as people read them."""


def percent(fraction: float | None) -> str:
    """A fraction as percent with two decimals; a dash where it is undefined.

    >>> percent(0.98765)
    '98.77'
    """
    return "–" if fraction is None else f"{100 * fraction:.2f}"
