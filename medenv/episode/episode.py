"""The episode's state machine: a task, a session on its chart, and the turns taken so far.

It parses each reply, sends what may be sent, renders what the agent sees, and ends as the official harness's statuses say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from medenv import __version__
from medenv.episode.failures import report, without_secrets
from medenv.errors import InputError
from medenv.fhir.backend import BackendError, Change, Response, Session
from medenv.protocol import observations
from medenv.protocol.actions import Finish, Get, Invalid, Post
from medenv.protocol.conversation import Conversation
from medenv.protocol.instructions import Wording
from medenv.protocol.observations import OBSERVATION_STYLES, ObservationStyle
from medenv.protocol.official import (
    OfficialInstructions,
    official_target,
    reply_to_get,
    reply_to_post,
    reply_to_refusal,
)
from medenv.protocol.parsing import ParsedReply, as_reply, parse_reply
from medenv.protocol.reply import Message, Reply, storable, storable_parts
from medenv.protocol.tolerance import check_tolerances
from medenv.protocol.urls import ForeignURLError, relative
from medenv.tasks.task import Task
from medenv.trajectories import Status, Trajectory, Turn, conversation

__all__ = ["MAX_TURNS", "PROTOCOLS", "Episode", "EpisodeOverError", "Transition"]

PROTOCOLS = ("text", "tools", "official")

MAX_TURNS = 8
"""Agent turns an episode has, FINISH included (official protocol)."""

_JSON = {"content-type": "application/fhir+json"}
_CHANGE_FIELDS = tuple(field.name for field in fields(Change))
_KINDS = {Get: "get", Post: "post", Finish: "finish", Invalid: "invalid"}


class EpisodeOverError(InputError, RuntimeError):
    """A step was taken after the episode had ended."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What one step led to.

    Attributes:
        observation: What the agent is shown; ``""`` after FINISH, the reason after an invalid action.
        status: How the episode stands now.
        response: The server's answer, None if nothing was sent.
        error: What was wrong with the reply, for a request that was not sent or an invalid action.
    """

    observation: str
    status: Status
    response: Response | None = None
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether the episode has ended."""
        return self.status is not Status.RUNNING


class _Done(NamedTuple):
    """What came of an action.

    Attributes:
        observation: What the agent is shown, or told at the end.
        method, url, response, writes: What was sent, the answer, and how many versions it stored; if anything was.
        error: What was wrong.
    """

    observation: str
    method: str | None = None
    url: str | None = None
    response: Response | None = None
    writes: int | None = None
    error: str | None = None


class Episode:
    """One task on one session, from the prompt to the end.

    Args:
        task: What is asked.
        session: The agent's private view of the chart.
        protocol: ``text``; ``tools`` for native function calls; ``official`` for the harness's replies and POSTs that are not sent.
        observation: ``full``, or ``compact`` for JSON without white space and meta.
        max_turns: How many replies the agent has.
        instructions: For ``official``: the prompt of the user's checkout.
        wording: The user's own prompt and system message; None for medenv's instructions alone.
        tolerances: What may be wrong with the form of a text reply, by name (see `medenv.protocol.tolerance`).
        provenance: What the trajectory shall say of its origin besides package and prompt (data fingerprint, agent, seed, ...).

    Raises:
        ValueError: An unknown protocol, tolerance or observation style, or no turn at all.
    """

    def __init__(
        self,
        task: Task,
        session: Session,
        protocol: str = "text",
        *,
        observation: ObservationStyle = "full",
        max_turns: int = MAX_TURNS,
        instructions: OfficialInstructions | None = None,
        wording: Wording | None = None,
        tolerances: Sequence[str] = (),
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise InputError(f"unknown protocol {protocol!r}; there are: {', '.join(PROTOCOLS)}")
        if protocol == "official" and (instructions is None or observation != "full"):
            raise InputError(
                "the protocol 'official' needs the instructions of a MedAgentBench checkout, and full observations"
            )
        if observation not in OBSERVATION_STYLES:
            raise InputError(f"unknown observation style {observation!r}; there are: {', '.join(OBSERVATION_STYLES)}")
        if max_turns < 1:
            raise InputError(f"max_turns is {max_turns}; an episode needs at least 1")
        wording = wording or Wording()
        self.tolerances = check_wording(protocol, tolerances, own_prompt=wording.template is not None)
        self.task = task
        self.session = session
        self.system = wording.system
        self.protocol = protocol
        self.observation_style: ObservationStyle = observation
        self.max_turns = max_turns
        self.status = Status.RUNNING
        self.result: str | None = None
        self.error: str | None = None
        if protocol == "official" and instructions is not None:
            self.prompt, self.prompt_hash = instructions.prompt(task, session.base), instructions.hash
        else:
            self.prompt = wording.prompt(task, session.base, max_turns, protocol)
            self.prompt_hash = wording.hash(protocol)
        self._turns: tuple[Turn, ...] = ()
        self._provenance = dict(provenance or {})

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns taken so far."""
        return self._turns

    @property
    def done(self) -> bool:
        """Whether the episode has ended."""
        return self.status is not Status.RUNNING

    @property
    def conversation(self) -> Conversation:
        """What the agent is given for its next reply: messages, functions, and what its provider wants back."""
        return conversation(
            self.prompt, self._turns, system=self.system, protocol=self.protocol, base=self.session.base
        )

    @property
    def messages(self) -> list[Message]:
        """The conversation so far in OpenAI's form: the prompt, then replies (assistant) and observations in turn."""
        return self.conversation.messages

    def step(self, said: str | Mapping[str, Any] | Reply) -> Transition:
        """Take the agent's reply and act on it.

        Args:
            said: The text as the model wrote it, an assistant's message in OpenAI's form, or a `Reply`.

        Returns:
            What the agent is shown and how the episode stands.

        Raises:
            EpisodeOverError: The episode has ended.
            ValueError: A message of another form than OpenAI's.
            BackendError: The server failed; the episode has ended as an infrastructure error, and this turn isn't part of it.
        """
        reply = as_reply(said, self.protocol)
        if self.done:
            raise EpisodeOverError(
                f"the episode of task {self.task.id!r} has ended ({self.status.value}); reset before the next step"
            )
        reading = parse_reply(reply, self.protocol, self.tolerances, len(self._turns))
        action = reading.action
        if isinstance(action, Finish):
            self.result = action.result
            return self._end(reading, reply, Status.COMPLETED, _Done(""))
        if isinstance(action, Invalid):
            return self._end(reading, reply, Status.INVALID_ACTION, _Done(action.message, error=action.message))
        done = self._request(action, reading)
        last = len(self._turns) + 1 >= self.max_turns
        return self._end(reading, reply, Status.TURN_LIMIT if last else Status.RUNNING, done)

    def _request(self, action: Get | Post, reading: ParsedReply) -> _Done:
        """Send what may be sent."""
        if self.protocol == "official":
            return self._request_official(action)
        if reading.problem is not None:
            return _Done(observations.not_called(reading.problem), error=reading.problem)
        if isinstance(action, Post) and action.problem is not None:
            error = f"the POST's body is not JSON: {action.problem}"
            if self.protocol == "tools":
                return _Done(observations.not_called(f"its arguments are not JSON: {action.problem}"), error=error)
            return _Done(observations.not_json(action), error=error)
        try:
            url = relative(action.url, self.session.base)
        except ForeignURLError as refusal:
            return _Done(observations.refused(str(refusal)), error=str(refusal))
        if isinstance(action, Get) and "_format=" not in url:
            url += ("&" if "?" in url else "?") + "_format=json"
        method = "GET" if isinstance(action, Get) else "POST"
        response, writes = self._send(method, url, None if isinstance(action, Get) else action.body.strip())
        observation = storable(observations.render(response, self.observation_style))
        return _Done(observation, method, url, response, writes)

    def _request_official(self, action: Get | Post) -> _Done:
        """As `_request`, with the harness's rules: POSTs are not sent, and a URL is taken as it is."""
        if isinstance(action, Post):
            error = None if action.problem is None else f"the POST's body is not JSON: {action.problem}"
            return _Done(reply_to_post(action), error=error)
        try:
            url = official_target(action.url, self.session.base)
        except ForeignURLError as refusal:
            return _Done(reply_to_refusal(refusal), error=str(refusal))
        response, writes = self._send("GET", url)
        return _Done(storable(reply_to_get(response, action.url)), "GET", url, response, writes)

    def _send(self, method: str, url: str, body: str | None = None) -> tuple[Response, int]:
        """Send a request; returns the answer, and how many versions it stored."""
        before = self.session.written
        try:
            response = self.session.get(url) if body is None else self.session.request(method, url, body, _JSON)
            writes = self.session.written - before
        except BackendError as failure:
            self.fail(str(failure))
            raise
        except Exception as bug:  # no request of an agent's is to blame for what a session can't cope with
            self.fail(report(bug))
            raise BackendError(f"the session failed: {type(bug).__name__}: {without_secrets(str(bug))}") from bug
        return response, writes

    def _end(self, reading: ParsedReply, reply: Reply, status: Status, done: _Done) -> Transition:
        """End a turn, and the episode unless it goes on."""
        response = done.response
        turn = Turn(
            reading.text,
            _KINDS[type(reading.action)],
            observation=done.observation if isinstance(reading.action, (Get, Post)) else None,
            method=done.method,
            url=done.url,
            response_status=None if response is None else response.status,
            writes=done.writes,
            message=reading.message,
            **storable_parts(reply),
        )
        self._turns += (turn,)
        if status is not Status.RUNNING:
            self.status, self.error = status, done.error
        return Transition(done.observation, status, response, done.error)

    def fail(self, reason: str, status: Status = Status.INFRASTRUCTURE_ERROR) -> None:
        """End the episode for a reason outside the agent's text: a provider's or server's failure, or a full context window.

        Args:
            reason: What failed; must not hold secrets.
            status: ``INFRASTRUCTURE_ERROR``, or ``CONTEXT_LIMIT`` when the conversation no longer fits the model.
        """
        if not self.done:
            self.status, self.error = status, storable(reason)

    def invalidate(self, reason: str) -> None:
        """Turn an episode that has ended into an infrastructure error, because it can't be graded."""
        self.status, self.error = Status.INFRASTRUCTURE_ERROR, reason

    def fork(self) -> Episode:
        """Make an independent episode at the same turn; neither sees the other's later writes or turns."""
        twin = object.__new__(Episode)
        twin.__dict__.update(self.__dict__)
        twin.session = self.session.fork()
        return twin

    def trajectory(
        self,
        *,
        facts: Any = None,
        pristine: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> Trajectory:
        """Record the episode so far as plain data.

        Args:
            facts: What the graders read from the chart before the episode.
            pristine: What else of that chart the strict grader judges by.
            provenance: Added to what the episode was given.

        Raises:
            BackendError: The server failed to tell what the episode changed.
        """
        try:
            changes = self.session.changes()
        except Exception:
            if self.status is not Status.INFRASTRUCTURE_ERROR:
                raise
            changes = []  # nobody can tell, and an infrastructure error isn't graded
        origin = {"medenv": __version__, "prompt": self.prompt_hash, **self._provenance, **(provenance or {})}
        return Trajectory(
            task=self.task,
            base=self.session.base,
            prompt=self.prompt,
            status=self.status,
            turns=self._turns,
            result=self.result,
            protocol=self.protocol,
            observation=self.observation_style,
            max_turns=self.max_turns,
            facts=facts,
            pristine=pristine,
            changes=tuple(storable({name: getattr(change, name) for name in _CHANGE_FIELDS}) for change in changes),
            error=self.error,
            provenance=origin,
            system=self.system,
            tolerances=self.tolerances,
        )


def check_wording(protocol: str, tolerances: Sequence[str], *, own_prompt: bool) -> tuple[str, ...]:
    """Refuse what a protocol can't have; returns the tolerances in their usual order.

    Args:
        protocol: One of `PROTOCOLS`.
        tolerances: Names of tolerances.
        own_prompt: Whether the user gives a prompt.

    Raises:
        InputError: Tolerances of text where calls are wanted, an unknown one, or another prompt than the official protocol's own.
    """
    known = check_tolerances(tolerances)
    if known and protocol == "tools":
        raise InputError(
            f"tolerances ({', '.join(tolerances)}) are about text; the protocol 'tools' takes function calls"
        )
    if protocol == "official" and own_prompt:
        raise InputError(
            "the protocol 'official' has the prompt of the MedAgentBench checkout; leave the own prompt out"
        )
    return known
