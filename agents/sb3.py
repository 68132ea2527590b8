"""Plays a policy that Stable-Baselines3 trained on a structured environment: it sees numbers and chooses acts, never words."""

from __future__ import annotations

import hashlib
import json
import random
import zipfile
from pathlib import Path
from typing import Any

from medenv.agents.baselines import acting
from medenv.agents.policy import Player, Policy, Reply
from medenv.envs.structured.features import features
from medenv.envs.structured.features import space as observation_space
from medenv.envs.structured.tiers import TIERS, Tier, tier
from medenv.envs.structured.view import Act, View
from medenv.extras import import_optional
from medenv.protocol.conversation import Conversation
from medenv.tasks import Task

__all__ = ["ALGORITHMS", "SB3Policy"]

ALGORITHMS = {
    "MaskablePPO": "sb3_contrib",
    "PPO": "stable_baselines3",
    "A2C": "stable_baselines3",
    "DQN": "stable_baselines3",
}
"""Algorithms that take the structured environments, by the package that has them."""


class SB3Policy(Policy):
    """A saved model of Stable-Baselines3 or sb3-contrib.

    A saved model holds pickled Python objects: load none that you don't trust.

    Args:
        model: The file that ``model.save`` wrote.
        algorithm: One of `ALGORITHMS`; told by the file if None.
        deterministic: Whether the likeliest act is taken; if not, one is drawn, from the run's seed.
        device: Where it computes, in torch's words.

    Raises:
        ValueError: The file holds no such model, one for other spaces, or extra ``sb3`` is not installed.
    """

    name = "sb3"

    def __init__(
        self, model: str | Path, algorithm: str | None = None, deterministic: bool = True, device: str = "cpu"
    ) -> None:
        path = Path(model).expanduser()
        self._algorithm = algorithm or _algorithm_of(path)
        if self._algorithm not in ALGORITHMS:
            raise ValueError(f"algorithm is {self._algorithm!r}; there are: {', '.join(ALGORITHMS)}")
        package = import_optional(ALGORITHMS[self._algorithm], "sb3")
        self._model = getattr(package, self._algorithm).load(path, device=device)
        self._tier = _tier_of(self._model, path)
        self._hash = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        self._deterministic = deterministic

    def describe(self) -> dict[str, Any]:
        """Describe the model: its file's hash, the algorithm, and the interface, which scores are told apart by."""
        return {
            "name": self.name,
            "interface": self._tier.name,
            "algorithm": self._algorithm,
            "model": f"sha256:{self._hash}",
            "deterministic": self._deterministic,
        }

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode."""
        return _Chooser(self, View(task), task, seed)

    def choose(self, view: View, seed: int) -> Act:
        """Choose the act for what is known, as the model predicts it.

        Args:
            view: What is known.
            seed: Of the draw, where acts are drawn.
        """
        torch = import_optional("torch", "sb3")
        given = {"action_masks": self._tier.masks(view)} if self._algorithm == "MaskablePPO" else {}
        with torch.random.fork_rng(devices=[], enabled=not self._deterministic):
            if not self._deterministic:
                torch.manual_seed(seed)
            action, _ = self._model.predict(features(view), deterministic=self._deterministic, **given)
        return self._tier.act(action, view)


class _Chooser(Player):
    def __init__(self, policy: SB3Policy, view: View, task: Task, seed: int) -> None:
        self._policy, self._view = policy, view
        self._rng = random.Random(f"{seed}/{task.id}")
        self._done: Act | None = None

    async def act(self, messages: Conversation) -> Reply:
        messages = Conversation.of(messages)
        if self._done is not None:
            self._view.take(self._done, messages[-1]["content"])
        self._done = self._policy.choose(self._view, self._rng.getrandbits(31))
        return acting(self._done.text, messages)


def _algorithm_of(path: Path) -> str:
    """Tell which algorithm a file is of, by its policy's module and what only one of them has.

    Raises:
        ValueError: The file is none that Stable-Baselines3 wrote, or of an algorithm that takes no discrete actions.
    """
    try:
        with zipfile.ZipFile(path) as saved:
            data = json.loads(saved.read("data"))
        module = str(data["policy_class"].get("__module__", ""))
    except (OSError, KeyError, TypeError, AttributeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{str(path)!r} is no model that Stable-Baselines3 saved: {error}") from None
    if "maskable" in module:
        return "MaskablePPO"
    if ".dqn." in module:
        return "DQN"
    if module == "stable_baselines3.common.policies":
        return "PPO" if "clip_range" in data else "A2C"
    raise ValueError(f"{str(path)!r} has a policy of {module}; models of {', '.join(ALGORITHMS)} are taken")


def _tier_of(model: Any, path: Path) -> Tier:
    """Find the tier whose spaces a model has.

    Raises:
        ValueError: There is none.
    """
    for name in TIERS:
        found = tier(name)
        if model.action_space == found.space() and model.observation_space == observation_space():
            return found
    raise ValueError(
        f"{str(path)!r} takes {model.observation_space} and gives {model.action_space}, which is no structured environment of this "
        "medenv; train it anew with scripts/train_ppo.py"
    )
