"""An episode told in the other protocol: text actions as native function calls, or calls as text.

The requests and the answers are the same ones; only what the agent is told first, and the form of its replies, change.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

from medenv.errors import DataError
from medenv.protocol.actions import Get, Post, parse
from medenv.protocol.instructions import Wording
from medenv.protocol.parsing import parse_reply
from medenv.protocol.reply import Reply
from medenv.protocol.tools import as_call
from medenv.protocol.urls import ForeignURLError, relative
from medenv.trajectories import Trajectory, Turn

__all__ = ["NotConvertibleError", "in_protocol"]


class NotConvertibleError(DataError):
    """The episode can't be told in the other protocol; the message is a short reason, the same for all of its kind."""


def in_protocol(trajectory: Trajectory, protocol: str | None) -> Trajectory:
    """Convert an episode to a protocol.

    Args:
        trajectory: A finished episode.
        protocol: ``text`` or ``tools``; None leaves it as it is.

    Raises:
        NotConvertibleError: A turn has no counterpart there, or the instructions were not medenv's own.
    """
    if protocol in (None, trajectory.protocol):
        return trajectory
    if trajectory.protocol == "official":
        raise NotConvertibleError("played in the official protocol, which has no other form")
    spoken = Wording(system=trajectory.system)
    if spoken.prompt(trajectory.task, trajectory.base, trajectory.max_turns, trajectory.protocol) != trajectory.prompt:
        raise NotConvertibleError("played with another prompt than medenv's, which has no other form")
    turn_of = _called if protocol == "tools" else _texted
    turns = tuple(turn_of(turn, number, trajectory.base) for number, turn in enumerate(trajectory.turns))
    prompt = spoken.prompt(trajectory.task, trajectory.base, trajectory.max_turns, protocol)
    origin = {**trajectory.provenance, "prompt": spoken.hash(protocol)}
    return replace(trajectory, protocol=protocol, prompt=prompt, turns=turns, provenance=origin, tolerances=())


def _texted(turn: Turn, number: int, base: str) -> Turn:
    if not _sent(turn):
        raise NotConvertibleError("a reply that was no request, which reads otherwise in the protocol 'text'")
    return replace(turn, message=None, verbatim=None, tokens=None)


def _called(turn: Turn, number: int, base: str) -> Turn:
    call = as_call(turn.text, base) if _sent(turn) else None
    if call is None:
        raise NotConvertibleError("a reply that no function call can stand for")
    reading = parse_reply(Reply(calls=(call,)), "tools", (), number)
    if turn.kind != "finish" and _request(reading.text, base) != _request(turn.text, base):
        raise NotConvertibleError("a request that a function call would put in other words")
    return replace(turn, message=reading.message, verbatim=None, tokens=None)


def _sent(turn: Turn) -> bool:
    return turn.kind == "finish" or turn.method is not None


def _request(text: str, base: str) -> object:
    action = parse(text)
    if not isinstance(action, Get | Post):
        return None
    try:
        path, _, query = relative(action.url, base).partition("?")
    except ForeignURLError:
        return None
    return path, sorted(parse_qsl(query, keep_blank_values=True)), getattr(action, "body", "").strip()
