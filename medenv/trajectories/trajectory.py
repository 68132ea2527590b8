"""A trajectory: one finished episode with everything needed to replay and regrade it, and its JSON form.

One row of ``trajectories.jsonl`` is ``Trajectory.to_json()``; nothing in it depends on a clock or on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from medenv import __version__
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Message, Reply, Tokens, storable
from medenv.protocol.tools import NOT_CARRIED_OUT, TOOLS
from medenv.tasks.task import Task
from medenv.trajectories.errors import TrajectoryError, UnknownSchemaError
from medenv.trajectories.models import row_model
from medenv.trajectories.validation import describe

__all__ = [
    "SCHEMA",
    "Message",
    "Status",
    "Trajectory",
    "Turn",
    "conversation",
]

SCHEMA = "medenv.trajectory/1"
_FAMILY = SCHEMA.partition("/")[0] + "/"


class Status(str, Enum):
    """How an episode stands or ended; the first five are the official harness's own words."""

    RUNNING = "running"
    COMPLETED = "completed"
    INVALID_ACTION = "agent invalid action"
    TURN_LIMIT = "task limit reached"
    CONTEXT_LIMIT = "agent context limit"
    TASK_ERROR = "task error"
    INFRASTRUCTURE_ERROR = "infrastructure_error"


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply of the agent and what came of it.

    Attributes:
        text: The action as text: the agent's raw reply, or what a tolerance left of it, or a native call written as a text action.
        kind: ``get``, ``post``, ``finish`` or ``invalid``.
        observation: What the agent was shown next; None where the episode ended with this turn.
        method: Method of the request that was sent, None if none was.
        url: Its URL relative to the base, quoted as it was sent.
        response_status: HTTP status of the answer.
        usage: What the reply cost (tokens, price), as the agent reported it.
        message: The assistant's message as the model gave it, in OpenAI's form; None where it is just `text`.
        reasoning: Thoughts that the provider showed apart from the text.
        tokens: Token ids and log-probabilities (see `medenv.protocol.reply.Tokens`).
        verbatim: What the provider is sent back unchanged on later turns, by the provider's name.
        writes: How many versions of resources the request stored (see `medenv.fhir.backend.Session.written`); None where none was sent,
            or in a row from before this was noted.
    """

    text: str
    kind: str
    observation: str | None = None
    method: str | None = None
    url: str | None = None
    response_status: int | None = None
    usage: Mapping[str, Any] | None = None
    message: Message | None = None
    reasoning: str | None = None
    tokens: Tokens | None = None
    verbatim: Mapping[str, Any] | None = None
    writes: int | None = None

    @property
    def said(self) -> Message:
        """The assistant's message as it stands in the conversation."""
        return {"role": "assistant", "content": self.text} if self.message is None else self.message

    @property
    def reply(self) -> Reply:
        """The reply as the agent gave it, to be given again."""
        said = Reply.from_message(self.said)
        return replace(said, usage=self.usage, reasoning=self.reasoning, tokens=self.tokens, verbatim=self.verbatim)

    @property
    def wrote(self) -> bool:
        """Whether the request changed what the server holds.

        Where `writes` is not known, that is judged by the answer: 201 for a create, 200 for a bundle posted to the base itself.
        """
        if self.writes is not None:
            return self.writes > 0
        return self.method == "POST" and (self.response_status == 201 or (self.response_status == 200 and not self.url))


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One finished episode.

    Attributes:
        task: The task, whole.
        base: The server's base URL without a trailing slash.
        protocol: ``text``, ``tools`` or ``official``.
        observation: The style of the observations, ``full`` or ``compact``.
        max_turns: The turn limit.
        prompt: The user's first message.
        turns: What was said and done.
        status: How the episode ended.
        result: The raw text of FINISH; for a ``task error`` the harness's error object; None if there is no result.
        facts: What the graders read from the chart as it was before the episode.
        pristine: What else of it the strict grader judges by (see `medenv.grading.ReferenceData`); None in rows stored by medenv 0.1.
        changes: What became of each resource that the episode wrote, one dict a resource (see `medenv.fhir.backend.Change`).
        error: What failed, for an ``infrastructure_error``.
        provenance: Data fingerprint, prompt hash, package version, agent, seed, ...
        verdict: The grader's verdict as data, once graded.
        system: The system message before the prompt, None if there was none.
        tolerances: What was tolerated in the form of replies (see `medenv.protocol.tolerance`).
    """

    task: Task
    base: str
    prompt: str
    status: Status
    turns: Sequence[Turn] = ()
    result: Any = None
    protocol: str = "text"
    observation: str = "full"
    max_turns: int = 8
    facts: Any = None
    pristine: Mapping[str, Any] | None = None
    changes: Sequence[Mapping[str, Any]] = ()
    error: str | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] | None = None
    system: str | None = None
    tolerances: Sequence[str] = ()

    @property
    def messages(self) -> list[Message]:
        """The conversation: the prompt, then what the agent said and the observations in turn, in OpenAI's form."""
        return self.conversation().messages

    def conversation(self, turn: int | None = None) -> Conversation:
        """Return the conversation that the agent was given.

        Args:
            turn: Before which of its replies, from 0; None for the whole episode.
        """
        return conversation(self.prompt, self.turns[:turn], system=self.system, protocol=self.protocol, base=self.base)

    def to_json(self) -> bytes:
        """One line of JSON without a newline; equal trajectories give equal bytes."""
        row = {"schema": SCHEMA, **asdict(self), "status": self.status.value}
        try:
            return orjson.dumps(row)
        except TypeError:
            # Something of a server's or a policy's that JSON can't hold, e.g. an integer beyond 64 bits.
            return orjson.dumps(storable(row), default=_in_words)

    @classmethod
    def from_json(cls, line: bytes | str) -> Trajectory:
        """Read what `to_json` wrote.

        Raises:
            TrajectoryError: The line is no JSON, no trajectory, lacks a field, or has one of another type, which is named.
            UnknownSchemaError: It is of another version's schema.
        """
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise TrajectoryError(f"this line is not JSON ({error}): {_short(line)}") from None
        schema = row.pop("schema", None) if isinstance(row, dict) else None
        if isinstance(schema, str) and schema != SCHEMA and schema.startswith(_FAMILY):
            raise UnknownSchemaError(
                f"this row is of schema {schema!r}, and medenv {__version__} reads {SCHEMA!r}; "
                "use the version of medenv that wrote it, or a later one"
            )
        if schema != SCHEMA:
            raise TrajectoryError(f"this line is no trajectory of schema {SCHEMA!r}: {_short(line)}")
        row.pop("checksum", None)  # a stored run's own
        try:
            _model().__pydantic_validator__.validate_python(row)
        except ValidationError as error:
            raise TrajectoryError(describe(error, row)) from None
        try:
            status = Status(row["status"])
        except ValueError:
            known = ", ".join(one.value for one in Status)
            raise TrajectoryError(f"status is {row['status']!r}; there are: {known}") from None
        turns = tuple(Turn(**turn) for turn in row.get("turns", ()))
        sequences = {name: tuple(row.get(name, ())) for name in ("changes", "tolerances")}
        return cls(**{**row, **sequences, "task": Task(**row["task"]), "turns": turns, "status": status})


@cache
def _model() -> type[BaseModel]:
    return row_model(Trajectory, Turn)


def conversation(
    prompt: str, turns: Sequence[Turn], *, system: str | None = None, protocol: str = "text", base: str = ""
) -> Conversation:
    """Prompt, replies (assistant) and observations (user, or tool in the tools protocol) in turn.

    Args:
        prompt: The user's first message.
        turns: The turns so far.
        system: The system message, if any.
        protocol: Whether observations answer calls, and whether URLs must be absolute.
        base: The server's base URL without a trailing slash.
    """
    out: list[Message] = [] if system is None else [{"role": "system", "content": system}]
    out.append({"role": "user", "content": prompt})
    for turn in turns:
        out.append(turn.said)
        if turn.observation is None:
            continue
        calls = turn.said.get("tool_calls")
        if not calls:
            out.append({"role": "user", "content": turn.observation})
            continue
        out += (
            {"role": "tool", "tool_call_id": call["id"], "content": NOT_CARRIED_OUT if number else turn.observation}
            for number, call in enumerate(calls)
        )
    return Conversation(
        out,
        TOOLS if protocol == "tools" else (),
        [turn.verbatim for turn in turns],
        base if protocol == "official" else "",
    )


def _in_words(value: Any) -> str:
    """Convert what JSON has no form for to short text: its ``repr``, cut at 200 characters."""
    return str(storable(repr(value)[:200]))


def _short(line: bytes | str) -> str:
    return repr(line[:80]) + ("..." if len(line) > 80 else "")
