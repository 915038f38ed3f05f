"""Rows that lie farther out than every trusted image: how many, and how likely that is by chance (ours)."""

import math

from torch import Tensor


def beyond(scores: Tensor, trusted: Tensor) -> tuple[int, float]:
    """How many rows exceed all trusted images, and the probability of so many if both were drawn alike.

    Of n + m exchangeable numbers the k largest are all rows with probability
    n (n - 1) ... (n - k + 1) / ((n + m) (n + m - 1) ... (n + m - k + 1)), whatever their distribution.

    Args:
        scores: of the rows, (n,).
        trusted: of the trusted images, (m,).

    Returns:
        k, and its probability: 1 without trusted images, or without a row that exceeds them.
    """
    rows, known = len(scores), len(trusted)
    if not known or not rows:
        return 0, 1.0
    count = int((scores > trusted.max()).sum())
    logs = (math.log(rows - i) - math.log(rows + known - i) for i in range(count))
    return count, math.exp(sum(logs))
