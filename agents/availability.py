"""Whether models can be asked: is a key set, is it taken, does the server answer, does it have the model.

Each server is asked once, by a GET that costs nothing, and all at the same time. No key is ever part of a result.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import httpx

from medenv.agents.llm.endpoint import find_key
from medenv.agents.llm.secret import Secret
from medenv.agents.models import ModelEntry

__all__ = ["Availability", "State", "check"]

MAX_LIST = 32 * 1024 * 1024
"""Bytes of a list of models that are read."""

_ANTHROPIC_VERSION = "2023-06-01"


class State(str, Enum):
    """What a check found."""

    OK = "ok"
    NO_KEY = "no key"
    REFUSED = "key refused"
    UNREACHABLE = "unreachable"
    NOT_THERE = "model not there"


@dataclass(frozen=True, slots=True)
class Availability:
    """One model's state.

    Attributes:
        state: What was found.
        detail: What was asked, or what went wrong, in a line.
    """

    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class _Server:
    """What entries have in common that one GET answers for."""

    api: str
    base_url: str
    key_variable: str | None
    key_check: str | None


async def check(entries: Sequence[ModelEntry], timeout: float = 10.0) -> list[Availability]:
    """Check models.

    Args:
        entries: The models; those of one server share a request.
        timeout: Seconds that a server has for its whole answer.

    Returns:
        Their states, in order.
    """
    servers = {_server(entry): None for entry in entries if entry.key_variable or not entry.needs_key}
    async with httpx.AsyncClient(timeout=timeout) as client:
        answers = await asyncio.gather(*(_ask(client, server, timeout) for server in servers))
    found = dict(zip(servers, answers, strict=True))
    return [_state(entry, found.get(_server(entry))) for entry in entries]


def _server(entry: ModelEntry) -> _Server:
    api = "chat" if entry.api == "responses" else entry.api  # both of OpenAI's list models alike
    return _Server(api, entry.base_url, entry.key_variable, entry.key_check)


def _state(entry: ModelEntry, answer: Availability | frozenset[str] | None) -> Availability:
    if answer is None:
        return Availability(State.NO_KEY, f"set {' or '.join(entry.key_env)}")
    if isinstance(answer, Availability):
        return answer
    if entry.model in answer:
        return Availability(State.OK, f"{entry.model} at {entry.base_url}")
    near = [one for one in sorted(answer) if entry.model.lower() in one.lower()][:3]
    hint = f"; there are {', '.join(near)}" if near else ""
    return Availability(State.NOT_THERE, f"{entry.base_url} lists {len(answer)} models, not {entry.model!r}{hint}")


async def _ask(client: httpx.AsyncClient, server: _Server, timeout: float) -> Availability | frozenset[str]:
    """Ask a server for its models: their names as a frozenset, or an `Availability` that says why there is no list."""
    try:
        key = find_key([server.key_variable] if server.key_variable else [])
    except ValueError as error:
        return Availability(State.REFUSED, str(error))
    try:
        return await asyncio.wait_for(_list(client, server, key), timeout)
    except (asyncio.TimeoutError, httpx.TimeoutException):
        return Availability(State.UNREACHABLE, f"no answer from {server.base_url} within {timeout:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Availability(State.UNREACHABLE, f"{server.base_url}: {key.safe(str(error)) or type(error).__name__}")


async def _list(client: httpx.AsyncClient, server: _Server, key: Secret) -> Availability | frozenset[str]:
    url, headers = _request(server, key)
    asked = [url] if server.key_check is None else [f"{server.base_url}/{server.key_check}", url]
    body = b""
    for one in asked:
        status, body = await _get(client, one, headers)
        if status in (401, 403) or (status == 400 and b"API_KEY_INVALID" in body):  # Google's way of refusing a key
            return Availability(State.REFUSED, _refusal(server, status, one))
        if status != 200:
            hint = "; is the base URL right?" if status == 404 else ""
            return Availability(State.UNREACHABLE, f"HTTP {status} from {one}{hint}")
    try:
        return _names(json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Availability(State.UNREACHABLE, f"{url} answers, but not with a list of models; is the base URL right?")


def _refusal(server: _Server, status: int, url: str) -> str:
    if server.key_variable is None:
        return f"HTTP {status} from {url}, and no key was sent"
    return f"HTTP {status} from {url} with the key in {server.key_variable}"


def _request(server: _Server, key: Secret) -> tuple[str, dict[str, str]]:
    """Where an API lists its models, and the headers it wants."""
    if server.api == "anthropic":
        url = f"{server.base_url.removesuffix('/v1')}/v1/models?limit=1000"
        return url, {"anthropic-version": _ANTHROPIC_VERSION, **_header("x-api-key", key.reveal())}
    if server.api == "gemini":
        return f"{server.base_url}/v1beta/models?pageSize=1000", _header("x-goog-api-key", key.reveal())
    return f"{server.base_url}/models", _header("Authorization", key.authorization if key else None)


def _header(name: str, value: str | None) -> dict[str, str]:
    return {name: value} if value else {}


async def _get(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    content = bytearray()
    async with client.stream("GET", url, headers=headers) as answer:
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > MAX_LIST:
                raise httpx.DecodingError(f"an answer of more than {MAX_LIST} bytes")
    return answer.status_code, bytes(content)


def _names(answer: Any) -> frozenset[str]:
    """Read the models' names out of a server's list.

    OpenAI and Anthropic list them under ``data``, Google under ``models``; Together answers with the bare list.
    """
    rows = answer if isinstance(answer, list) else answer["data"] if "data" in answer else answer["models"]
    return frozenset(str(row["id"] if "id" in row else row["name"]).removeprefix("models/") for row in rows)
