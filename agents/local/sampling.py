"""Chooses tokens row by row, so that no episode's draws depend on which others share its batch, and says where replies end.

Both parts plug into transformers' ``generate``, which keeps the cache and the positions of left-padded rows.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from medenv.agents.local.loading import Loaded

__all__ = ["Generated", "Row", "Sampling", "generate"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen; the same for all rows.

    Attributes:
        temperature: Divides the logits; at 0 the likeliest token is taken.
        top_p: Only the likeliest tokens are drawn from that have this probability together.
        stop: Texts that end a reply.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One prompt of a batch.

    Attributes:
        ids: The prompt's tokens.
        room: Most tokens of the reply; at least 1.
        seed: Of its draws.
    """

    ids: Sequence[int]
    room: int
    seed: int


@dataclass(frozen=True)
class Generated:
    """One reply.

    Attributes:
        ids: Its tokens, the ending one included.
        logprobs: Log-probability of each as the model gives it, before temperature and top_p.
        ended: False if it was cut for want of room.
    """

    ids: list[int]
    logprobs: list[float]
    ended: bool


def generate(loaded: Loaded, rows: Sequence[Row], sampling: Sampling) -> list[Generated]:
    """Generate the replies to a batch of prompts, one a row and in their order.

    Raises:
        FloatingPointError: The model's logits are not numbers.
        RuntimeError: What torch raises, out of memory above all.
    """
    width = max(len(row.ids) for row in rows)
    device = loaded.model.device
    ids = torch.tensor([[loaded.pad] * (width - len(row.ids)) + list(row.ids) for row in rows], device=device)
    mask = torch.tensor([[0] * (width - len(row.ids)) + [1] * len(row.ids) for row in rows], device=device)
    chooser, ending = _Chooser(rows, sampling), _Ending(loaded, rows, width, sampling.stop)
    with torch.inference_mode():
        loaded.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max(row.room for row in rows),
            logits_processor=LogitsProcessorList([chooser]),
            stopping_criteria=StoppingCriteriaList([ending]),
        )
    chosen, logprobs = torch.stack(chooser.ids, 1).tolist(), torch.stack(chooser.logprobs, 1).tolist()
    return [
        Generated(chosen[one][:length], logprobs[one][:length], ended)
        for one, (length, ended) in enumerate(ending.lengths)
    ]


class _Chooser(LogitsProcessor):
    """Leaves ``generate`` one token a row to take."""

    def __init__(self, rows: Sequence[Row], sampling: Sampling) -> None:
        self.ids: list[torch.Tensor] = []
        self.logprobs: list[torch.Tensor] = []
        self._draws = [random.Random(row.seed) for row in rows]
        self._sampling = sampling

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        logprobs = scores.float().log_softmax(-1)
        chosen = logprobs.argmax(-1) if self._sampling.temperature == 0 else self._drawn(scores.float())
        picked = logprobs.gather(1, chosen[:, None])[:, 0]
        if not bool(picked.isfinite().all()):
            raise FloatingPointError
        self.ids.append(chosen)
        self.logprobs.append(picked)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen[:, None], 0.0)

    def _drawn(self, scores: torch.Tensor) -> torch.Tensor:
        """One token a row, by where a number of the row's own falls among the cumulated probabilities."""
        ranked = torch.sort((scores / self._sampling.temperature).softmax(-1), dim=-1, descending=True, stable=True)
        upto = ranked.values.cumsum(-1)
        last = (upto < self._sampling.top_p).sum(-1, keepdim=True).clamp(max=scores.shape[1] - 1)
        draws = torch.tensor([[one.random()] for one in self._draws], dtype=upto.dtype, device=upto.device)
        place = torch.searchsorted(upto, draws * upto.gather(1, last), right=True)
        return ranked.indices.gather(1, torch.minimum(place, last))[:, 0]


class _Ending(StoppingCriteria):
    """Notes for each row after how many tokens it ended, and whether by itself."""

    def __init__(self, loaded: Loaded, rows: Sequence[Row], width: int, stop: tuple[str, ...]) -> None:
        self.lengths: list[tuple[int, bool]] = [(0, False)] * len(rows)
        self._loaded, self._rows, self._width, self._stop = loaded, rows, width, stop
        # A character takes up to four tokens of one byte each.
        self._tail = 4 * max((len(one) for one in stop), default=0) + 4
        self._open = set(range(len(rows)))

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        length = input_ids.shape[1] - self._width
        for row in sorted(self._open):
            ended = int(input_ids[row, -1]) in self._loaded.ends or self._stopped(input_ids[row, self._width :])
            if ended or length >= self._rows[row].room:
                self.lengths[row] = (length, ended)
                self._open.discard(row)
        return torch.tensor([row not in self._open for row in range(len(self._rows))], device=input_ids.device)

    def _stopped(self, ids: torch.Tensor) -> bool:
        if not self._stop:
            return False
        text = self._loaded.tokenizer.decode(ids[-self._tail :], clean_up_tokenization_spaces=False)
        return any(one in text for one in self._stop)


def seed_of(seed: int, ids: Sequence[int]) -> int:
    """Derive the seed of one reply's draws, a number below 2**64.

    It is a hash of the episode's seed and the prompt, so that turns and tasks don't share their luck.
    """
    text = f"{seed}:{','.join(map(str, ids))}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
