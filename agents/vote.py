"""A majority vote on the next action, of several policies or of several samples of one.

Votes are counted by what an action does, not by how it is written. All voters see the one conversation that the winners made.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from medenv.agents.policy import FatalProviderError, Player, Policy, Reply, ask
from medenv.errors import InputError
from medenv.protocol.actions import Finish, Get, Invalid, Post
from medenv.protocol.conversation import Conversation
from medenv.protocol.parsing import as_reply, parse_reply
from medenv.protocol.tolerance import check_tolerances
from medenv.protocol.urls import ForeignURLError, relative
from medenv.tasks import Task

__all__ = ["VotePolicy", "ballot"]

_STRIDE = 1_000_003
"""Between the seeds of a policy's samples: larger than any run's number of samples, so that no two attempts share one."""

_BASE = re.compile(r"https?://[^\s\"'`]+?(?=/[A-Z]|/?[.,;:)\"'`]*(?:\s|$))")
"""The first URL in a prompt: the server's base, before a resource type or the end of a word."""


class VotePolicy(Policy):
    """Asks every voter and plays the action that most of them want; of equally many votes the earliest voter's wins.

    A reply that is no action is no vote, unless there is nothing else. If one voter fails, so does the turn: a score of fewer voters
    would be another agent's. Voters must answer from the conversation alone, as models do; ``reference`` and the like follow a
    script of their own and get lost when they are outvoted.

    Args:
        policies: The voters.
        samples: How many votes each has, each with a seed of its own.
        tolerances: Those of the episodes, so that what they take as an action is a vote.

    Raises:
        ValueError: There is no voter, `samples` is less than 1, or there is no such tolerance.
    """

    name = "vote"

    def __init__(self, policies: Sequence[Policy], samples: int = 1, tolerances: Sequence[str] = ()) -> None:
        if not policies:
            raise InputError("a vote needs at least one policy")
        if samples < 1:
            raise InputError(f"samples is {samples}; each voter needs at least 1")
        self._policies, self._samples = tuple(policies), samples
        self._tolerances = check_tolerances(tolerances)

    def describe(self) -> dict[str, Any]:
        """Describe the voters, and how many votes each has."""
        return {
            "name": self.name,
            "voters": [policy.describe() for policy in self._policies],
            "samples": self._samples,
            **({"tolerances": list(self._tolerances)} if self._tolerances else {}),
        }

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode with all voters."""
        return _Vote(
            [p.start(task, seed + _STRIDE * n) for p in self._policies for n in range(self._samples)], self._tolerances
        )

    async def close(self) -> None:
        """Close the voters."""
        await asyncio.gather(*(policy.close() for policy in self._policies))


class _Vote(Player):
    def __init__(self, voters: Sequence[Player], tolerances: Sequence[str]) -> None:
        self._voters, self._tolerances = voters, tolerances

    async def act(self, messages: Conversation) -> Reply:
        protocol = "tools" if messages.tools else "text"
        said = await asyncio.gather(*(ask(voter, messages) for voter in self._voters), return_exceptions=True)
        failed = [one for one in said if isinstance(one, BaseException)]
        if failed:
            raise next((one for one in failed if isinstance(one, FatalProviderError)), failed[0])
        replies = [as_reply(one, protocol) for one in said if not isinstance(one, BaseException)]
        ballots = [ballot(reply, messages, self._tolerances) for reply in replies]
        votes = Counter(one for one in ballots if one is not None)
        # Counter keeps the order of first votes, and max takes the first of equals.
        winner = max(votes, key=votes.__getitem__) if votes else None
        chosen = replies[ballots.index(winner)]
        counted = {"votes": votes[winner] if winner is not None else 0, "voters": len(replies)}
        usage = {**_sum([reply.usage or {} for reply in replies]), **counted}
        return Reply(chosen.text, usage, chosen.calls, chosen.reasoning, chosen.tokens, chosen.verbatim)


def ballot(reply: Reply, messages: Conversation, tolerances: Sequence[str] = ()) -> tuple[str, ...] | None:
    """Return what a reply votes for, equal for replies that do the same; None for one that is no action.

    A URL may be absolute or relative, quoted or not, its parameters in any order; JSON may be laid out in any way.

    Args:
        reply: The voter's.
        messages: The conversation, whose prompt names the server.
        tolerances: What may be wrong with a text's form, as for `medenv.protocol.parsing.parse_reply`.
    """
    reading = parse_reply(reply, "tools" if messages.tools else "text", tolerances)
    action = reading.action
    if isinstance(action, Invalid):
        return None
    if reading.problem is not None:
        return "not sent", reading.text
    if isinstance(action, Finish):
        return "FINISH", _json(action.result)
    kind = "GET" if isinstance(action, Get) else "POST"
    return kind, *_place(action.url, messages), _json(action.body) if isinstance(action, Post) else ""


def _place(url: str, messages: Conversation) -> tuple[str, str]:
    """Split a URL into its path below the server that the conversation names and its sorted parameters."""
    named = None if messages.base else _BASE.search(messages.prompt)
    try:
        resolved = relative(url, messages.base or (named[0] if named else "http://localhost"))
    except ForeignURLError:
        return url, ""
    path, _, query = resolved.partition("?")
    return path, repr(sorted(parse_qsl(query, keep_blank_values=True)))


def _json(text: str) -> str:
    """JSON in one layout; other text as it is."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text.strip()


def _sum(usages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers added up by name; what isn't a number doesn't add up and is left out."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
    return total
