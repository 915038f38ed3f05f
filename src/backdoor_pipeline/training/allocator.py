"""Memory that a step frees is kept for the next one."""

import ctypes
import sys
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's M_...
KEPT = 512 * 2**20  # bytes free at the end of the heap
LARGE = 32 * 2**20  # bytes from which a tensor has pages of its own; glibc takes no more


@cache
def keep_freed_memory() -> bool:
    """Have glibc keep pages that it would hand back, and get anew, several times in every step on a CPU.

    Each page that is got anew is cleared and mapped: 1,000 to 5,000 in a step of ResNet-8, 5 to 15 % of its
    time. The peak stays, since all that is kept had been in use. Other allocators are left alone.

    Returns:
        Whether it does; else the C library is another one.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(*option) == 1 for option in ((MMAP_THRESHOLD, LARGE), (TRIM_THRESHOLD, KEPT))
    )
