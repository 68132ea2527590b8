"""How many tokens rows have for a tokenizer, and how many of them a trainer would cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from medenv.errors import InputError
from medenv.extras import import_optional

__all__ = ["TRAINERS_MAX_LENGTH", "TokenLengths"]

TRAINERS_MAX_LENGTH = 1024
"""What TRL's SFTConfig, DPOConfig and KTOConfig have for ``max_length`` unless one says otherwise (1.16)."""

_SIDES = ("messages", "completion", "chosen", "rejected", "conversations")
"""Columns of which each, behind the prompt if there is one, is a conversation."""


class TokenLengths:
    """Counts the tokens of rows.

    Args:
        tokenizer: A name on the Hugging Face Hub or a folder, as ``AutoTokenizer.from_pretrained`` takes it.
        max_length: The trainer's: longer rows are counted as cut.

    Raises:
        MissingExtraError: transformers isn't installed.
        InputError: There is no such tokenizer, or it can't be read.
    """

    def __init__(self, tokenizer: str, max_length: int = TRAINERS_MAX_LENGTH) -> None:
        transformers = import_optional("transformers", "local")
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"the tokenizer {tokenizer!r} can't be loaded: {str(error).splitlines()[0]}") from error
        self.name, self.max_length = Path(tokenizer).name if Path(tokenizer).exists() else tokenizer, max_length
        self.counts: list[int] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row; of a pair the longer side, with its prompt."""
        opening = row.get("prompt", [])
        sides = [row[name] for name in _SIDES if name in row] or [[]]
        self.counts.append(max(self._tokens([*opening, *side], row.get("tools")) for side in sides))

    def _tokens(self, messages: Sequence[Mapping[str, Any]], tools: str | None) -> int:
        if not getattr(self._tokenizer, "chat_template", None) or "role" not in messages[0]:
            text = "\n".join(orjson.dumps(message).decode() for message in messages)
            return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        text = self._tokenizer.apply_chat_template(
            list(messages), tools=orjson.loads(tools) if tools else None, tokenize=False
        )
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def cut(self) -> int:
        """How many rows are longer than `max_length`."""
        return sum(count > self.max_length for count in self.counts)

    def to_dict(self) -> dict[str, Any]:
        """Return what the report and the card say of it."""
        counts = sorted(self.counts)
        return {
            "tokenizer": self.name,
            "median": counts[len(counts) // 2],
            "p95": counts[(len(counts) - 1) * 95 // 100],
            "longest": counts[-1],
            "max_length": self.max_length,
            "rows_cut": self.cut,
        }
