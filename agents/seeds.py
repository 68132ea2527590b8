"""Which seed an agent is given for an attempt at a task."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["agent_seed"]


def agent_seed(seed: int, sample: int) -> int:
    """Derive the seed that an agent is given.

    Args:
        seed: Of the run.
        sample: Which attempt at a task it is, from 0.

    Returns:
        The run's own seed for the first attempt; for others a number below 2**31 (some providers take no more), spread so that
        runs of neighbouring seeds don't repeat each other's samples.
    """
    if sample == 0:
        return seed
    return int.from_bytes(blake2b(f"{seed}/{sample}".encode(), digest_size=4).digest(), "big") >> 1
