"""Text spaces that hold any unicode; the action space samples sensible actions.

Gymnasium's own `Text` checks every character against a fixed set, which FHIR and free text don't keep to.
"""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any, NoReturn

from gymnasium.error import CustomSpaceError
from gymnasium.spaces import Text, flatdim, flatten, flatten_space, unflatten
from gymnasium.vector.utils import create_shared_memory

from medenv.errors import InputError
from medenv.protocol.samples import random_action
from medenv.protocol.tools import as_call

__all__ = ["ActionText", "UnicodeText"]

MAX_LENGTH = 2**31 - 1
"""Characters; a Bundle of 5,000 entries has some ten million."""


@cache
def _characters() -> str:
    spans = ((0, 0xD800), (0xE000, 0x10000), (0x1F000, 0x1FB00))
    return "".join(chr(code) for first, end in spans for code in range(first, end))


class UnicodeText(Text):
    """Any text, the empty one included."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(max_length=MAX_LENGTH, min_length=0, seed=seed)

    @property
    def characters(self) -> str:
        """Return the characters that a plain `Text` must have to hold what this space holds, which is how Minari stores a space.

        These are all of Unicode's first plane and its pictographs. There are eight times as many; a dataset would carry 15 MB of them.
        """
        return _characters()

    @property
    def is_np_flattenable(self) -> bool:
        """Return False: no array is as long as the longest text."""
        return False

    def contains(self, x: Any) -> bool:
        """Whether it is text."""
        return isinstance(x, str)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Draw a short line of text.

        Args:
            mask: Not supported.
            probability: Not supported.

        Raises:
            ValueError: A mask or probabilities were given.
        """
        if mask is not None or probability is not None:
            raise InputError("UnicodeText samples whole texts and takes neither mask nor probability")
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


def _refuse(space: UnicodeText, *_: Any, **__: Any) -> NoReturn:
    raise CustomSpaceError(
        f"{space!r} holds texts of up to {space.max_length} characters and can't be made an array of numbers; leave "
        "FlattenObservation out, give TimeAwareObservation flatten=False and AsyncVectorEnv shared_memory=False"
    )


# What Gymnasium registers for Text would allocate an array of the greatest length: 8 GiB.
for _arrays in (flatdim, flatten, unflatten, flatten_space, create_shared_memory):
    _arrays.register(UnicodeText)(_refuse)
