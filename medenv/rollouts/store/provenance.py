"""What made an episode, in a few bytes: two rows of one key and one origin are the same attempt."""

from __future__ import annotations

from hashlib import blake2b

import orjson

from medenv.trajectories import Trajectory

__all__ = ["source_hash"]

_VARYING = frozenset({"sample", "seed"})


def source_hash(trajectory: Trajectory) -> bytes:
    """Hash prompt, split, present, protocol, observation style, turn limit and all provenance but seed and sample."""
    task = trajectory.task
    shared = {name: value for name, value in trajectory.provenance.items() if name not in _VARYING}
    parts = [task.split, task.now, trajectory.protocol, trajectory.observation, trajectory.max_turns, shared]
    digest = blake2b(trajectory.prompt.encode(), digest_size=8)
    digest.update(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS))
    return digest.digest()
