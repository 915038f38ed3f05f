"""One random source: every draw comes from a generator seeded by (experiment seed, purpose) (P7)."""

import hashlib

import torch


def derive_seed(seed: int, *purpose: object) -> int:
    """A 63-bit seed for one purpose, independent of every other purpose and of what ran before.

    Args:
        seed: the experiment's seed.
        purpose: what the numbers are for, such as `"order", epoch`.
    """
    text = "/".join([str(seed), *map(str, purpose)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *purpose: object, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator for one purpose; see `derive_seed`."""
    return torch.Generator(device=device).manual_seed(derive_seed(seed, *purpose))
