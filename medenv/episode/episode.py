"""The episode's state machine: a task, a session on its chart, and the turns taken so far.

It parses each reply, sends what may be sent, renders what the agent sees, and ends as the official harness's statuses say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from medenv import __version__
from medenv.fhir.backend import BackendError, Response, Session
from medenv.protocol import observations
from medenv.protocol.actions import Finish, Get, Invalid, Post, parse
from medenv.protocol.instructions import prompt_hash, text_prompt
from medenv.protocol.observations import OBSERVATION_STYLES, ObservationStyle
from medenv.protocol.official import (
    OfficialInstructions,
    official_target,
    reply_to_get,
    reply_to_post,
    reply_to_refusal,
)
from medenv.protocol.trajectory import Message, Status, Trajectory, Turn, conversation
from medenv.protocol.urls import ForeignURLError, relative
from medenv.tasks.task import Task

__all__ = ["MAX_TURNS", "PROTOCOLS", "Episode", "EpisodeOverError", "Transition"]

PROTOCOLS = ("text", "official")

MAX_TURNS = 8
"""Agent turns an episode has, FINISH included (official protocol)."""

_JSON = {"content-type": "application/fhir+json"}


class EpisodeOverError(RuntimeError):
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


class Episode:
    """One task on one session, from the prompt to the end.

    Args:
        task: What is asked.
        session: The agent's private view of the chart.
        protocol: ``text``, or ``official`` for the harness's replies and POSTs that are not sent.
        observation: ``full``, or ``compact`` for JSON without white space and meta.
        max_turns: How many replies the agent has.
        instructions: For ``official``: the prompt of the user's checkout.
        provenance: What the trajectory shall say of its origin besides package and prompt (data fingerprint, agent, seed, ...).

    Raises:
        ValueError: An unknown protocol or observation style, or no turn at all.
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
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise ValueError(f"unknown protocol {protocol!r}; there are: {', '.join(PROTOCOLS)}")
        if protocol == "official" and (instructions is None or observation != "full"):
            raise ValueError(
                "the protocol 'official' needs the instructions of a MedAgentBench checkout, and full observations"
            )
        if observation not in OBSERVATION_STYLES:
            raise ValueError(f"unknown observation style {observation!r}; there are: {', '.join(OBSERVATION_STYLES)}")
        if max_turns < 1:
            raise ValueError(f"max_turns is {max_turns}; an episode needs at least 1")
        self.task = task
        self.session = session
        self.protocol = protocol
        self.observation_style: ObservationStyle = observation
        self.max_turns = max_turns
        self.status = Status.RUNNING
        self.result: str | None = None
        self.error: str | None = None
        if protocol == "official" and instructions is not None:
            self.prompt, self.prompt_hash = instructions.prompt(task, session.base), instructions.hash
        else:
            self.prompt, self.prompt_hash = text_prompt(task, session.base, max_turns), prompt_hash()
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
    def messages(self) -> list[Message]:
        """The conversation so far: the prompt, then raw replies (assistant) and observations (user) in turn."""
        return conversation(self.prompt, self._turns)

    def step(self, text: str, usage: Mapping[str, Any] | None = None) -> Transition:
        """Take the agent's reply and act on it.

        Args:
            text: The reply as the model wrote it.
            usage: What it cost, recorded with the turn.

        Returns:
            What the agent is shown and how the episode stands.

        Raises:
            EpisodeOverError: The episode has ended.
            BackendError: The server failed; the episode has ended as an infrastructure error, and this turn isn't part of it.
        """
        if self.done:
            raise EpisodeOverError(
                f"the episode of task {self.task.id!r} has ended ({self.status.value}); reset before the next step"
            )
        # A lone surrogate can be neither sent nor stored as UTF-8; everything else stays raw.
        text = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
        action = parse(text)
        if isinstance(action, Finish):
            self.result = action.result
            return self._end(Turn(text, "finish", usage=usage), Status.COMPLETED, "")
        if isinstance(action, Invalid):
            return self._end(Turn(text, "invalid", usage=usage), Status.INVALID_ACTION, action.message, action.message)
        turn, observation, response, error = self._request(text, action, usage)
        if len(self._turns) + 1 >= self.max_turns:
            return self._end(replace(turn, observation=observation), Status.TURN_LIMIT, observation, error, response)
        self._turns += (replace(turn, observation=observation),)
        return Transition(observation, self.status, response, error)

    def _request(
        self, text: str, action: Get | Post, usage: Mapping[str, Any] | None
    ) -> tuple[Turn, str, Response | None, str | None]:
        """Send what may be sent; returns the turn, the observation, the answer and what was wrong."""
        if self.protocol == "official":
            return self._request_official(text, action, usage)
        kind = "get" if isinstance(action, Get) else "post"
        if isinstance(action, Post) and action.problem is not None:
            error = f"the POST's body is not JSON: {action.problem}"
            return Turn(text, kind, usage=usage), observations.not_json(action), None, error
        try:
            url = relative(action.url, self.session.base)
        except ForeignURLError as refusal:
            return Turn(text, kind, usage=usage), observations.refused(str(refusal)), None, str(refusal)
        if isinstance(action, Get) and "_format=" not in url:
            url += ("&" if "?" in url else "?") + "_format=json"
        method = "GET" if isinstance(action, Get) else "POST"
        response = self._send(method, url, None if isinstance(action, Get) else action.body.strip())
        turn = Turn(text, kind, None, method, url, response.status, usage)
        return turn, observations.render(response, self.observation_style), response, None

    def _request_official(
        self, text: str, action: Get | Post, usage: Mapping[str, Any] | None
    ) -> tuple[Turn, str, Response | None, str | None]:
        """As `_request`, with the harness's rules: POSTs are not sent, and a URL is taken as it is."""
        if isinstance(action, Post):
            error = None if action.problem is None else f"the POST's body is not JSON: {action.problem}"
            return Turn(text, "post", usage=usage), reply_to_post(action), None, error
        try:
            url = official_target(action.url, self.session.base)
        except ForeignURLError as refusal:
            return Turn(text, "get", usage=usage), reply_to_refusal(refusal), None, str(refusal)
        response = self._send("GET", url)
        turn = Turn(text, "get", None, "GET", url, response.status, usage)
        return turn, reply_to_get(response, url, self.session.base), response, None

    def _send(self, method: str, url: str, body: str | None = None) -> Response:
        try:
            return self.session.get(url) if body is None else self.session.request(method, url, body, _JSON)
        except BackendError as failure:
            self.fail(str(failure))
            raise

    def _end(
        self, turn: Turn, status: Status, observation: str, error: str | None = None, response: Response | None = None
    ) -> Transition:
        self._turns += (turn,)
        self.status, self.error = status, error
        return Transition(observation, status, response, error)

    def fail(self, reason: str, status: Status = Status.INFRASTRUCTURE_ERROR) -> None:
        """End the episode for a reason outside the agent's text: a provider's or server's failure, or a full context window.

        Args:
            reason: What failed; must not hold secrets.
            status: ``INFRASTRUCTURE_ERROR``, or ``CONTEXT_LIMIT`` when the conversation no longer fits the model.
        """
        if not self.done:
            self.status, self.error = status, reason

    def invalidate(self, reason: str) -> None:
        """Turn an episode that has ended into an infrastructure error, because it can't be graded."""
        self.status, self.error = Status.INFRASTRUCTURE_ERROR, reason

    def fork(self) -> Episode:
        """An independent episode at the same turn; neither sees the other's later writes or turns."""
        twin = object.__new__(Episode)
        twin.__dict__.update(self.__dict__)
        twin.session = self.session.fork()
        return twin

    def trajectory(self, *, facts: Any = None, provenance: Mapping[str, Any] | None = None) -> Trajectory:
        """The episode so far as plain data.

        Args:
            facts: What the graders read from the chart before the episode.
            provenance: Added to what the episode was given.

        Raises:
            BackendError: The server failed to tell what the episode changed.
        """
        try:
            changes = self.session.changes()
        except BackendError:
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
            changes=tuple(asdict(change) for change in changes),
            error=self.error,
            provenance=origin,
        )
