"""Text spaces that hold any unicode; the action space samples sensible actions.

Gymnasium's own `Text` checks every character against a fixed set, which FHIR and free text don't keep to.
"""

from __future__ import annotations

import json
import random
from typing import Any

from gymnasium.spaces import Text

from medenv.protocol.samples import random_action
from medenv.protocol.tools import as_call

__all__ = ["ActionText", "UnicodeText"]

MAX_LENGTH = 2**31 - 1
"""Characters; a Bundle of 5,000 entries has some ten million."""


class UnicodeText(Text):
    """Any text, the empty one included."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(max_length=MAX_LENGTH, min_length=0, seed=seed)

    def contains(self, x: Any) -> bool:
        """Whether it is text."""
        return isinstance(x, str)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A short line of text.

        Args:
            mask: Not supported.
            probability: Not supported.

        Raises:
            ValueError: A mask or probabilities were given.
        """
        if mask is not None or probability is not None:
            raise ValueError("UnicodeText samples whole texts and takes neither mask nor probability")
        return self._text(random.Random(int(self.np_random.integers(2**63))))

    def _text(self, rng: random.Random) -> str:
        return "HTTP " + str(rng.choice((200, 201, 400, 404)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    __hash__ = None  # type: ignore[assignment]


class ActionText(UnicodeText):
    """Any text; samples are GETs, POSTs, FINISHes and the occasional malformed reply.

    Args:
        seed: Of the samples.
        calls: Whether samples are function calls as JSON, for the tools protocol.
    """

    def __init__(self, seed: int | None = None, calls: bool = False) -> None:
        super().__init__(seed)
        self.calls = calls

    def _text(self, rng: random.Random) -> str:
        text = random_action(rng)
        call = as_call(text) if self.calls else None
        return text if call is None else json.dumps({"name": call.name, "arguments": call.arguments})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActionText) and self.calls == other.calls

    __hash__ = None
