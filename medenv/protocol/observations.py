"""The one renderer of observations: what an agent is shown after a request.

``full`` is the server's body as it came; ``compact`` is the same JSON without white space and without any ``meta``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, get_args

from medenv.fhir import jsontext
from medenv.fhir.backend import Response
from medenv.protocol.actions import Post

__all__ = ["OBSERVATION_STYLES", "ObservationStyle", "not_called", "not_json", "refused", "render"]

ObservationStyle = Literal["full", "compact"]
OBSERVATION_STYLES: tuple[str, ...] = get_args(ObservationStyle)


def render(response: Response, style: ObservationStyle = "full") -> str:
    """Render a response as the observation that the agent is shown.

    Args:
        response: The server's answer.
        style: ``full`` or ``compact``.

    Returns:
        The body; before it one line ``HTTP 404`` if the status isn't 2xx or there is no body.
    """
    body = response.body
    if style == "compact" and body:
        body = _compact(body)
    if response.ok and body:
        return body
    return f"HTTP {response.status}\n{body}" if body else f"HTTP {response.status}"


def refused(reason: str) -> str:
    """Write the observation after a URL that may not be reached."""
    return f"Error: the request was not sent. {reason}."


def not_json(action: Post) -> str:
    """Write the observation after a POST whose body is no JSON."""
    return (
        f"Error: the POST was not sent, because its body is not JSON: {action.problem}. "
        "Write POST and the URL on the first line and the resource as JSON on the lines after it."
    )


def not_called(reason: str) -> str:
    """Write the observation after a native call that can't be made a request."""
    return f"Error: the call was not carried out, because {reason}."


@lru_cache(maxsize=256)
def _compact(body: str) -> str:
    try:
        return jsontext.compact(_without_meta(jsontext.loads(body)))
    except (ValueError, RecursionError):
        return body  # XML or plain text: nothing to shorten


def _without_meta(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_meta(v) for k, v in value.items() if k != "meta"}
    if isinstance(value, list):
        return [_without_meta(v) for v in value]
    return value
