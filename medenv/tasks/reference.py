"""The text actions that solutions are made of: searching with paging, posting, finishing.

A solution is a generator: it yields what the agent writes and is sent what the agent then sees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from medenv.errors import DataError
from medenv.tasks.chart import readings

__all__ = ["ReferenceActions", "UnexpectedObservationError", "act", "finish", "newest_first", "search"]

T = TypeVar("T")
ReferenceActions = Generator[str, str, T]
Resource = dict[str, Any]

PAGE_OF_NEWEST = 5
"""How many of the newest values to ask for: one answers the question, the others show ties."""


class UnexpectedObservationError(DataError, RuntimeError):
    """A GET was not answered with a FHIR resource, so that the solution can't go on."""


def _bundle(action: str, observation: str) -> Resource:
    """Return the Bundle in an observation, perhaps with words around it (a status line, the official harness's sentences)."""
    start = observation.find("{")
    try:
        if start < 0:
            raise ValueError("no JSON object")
        resource, _ = json.JSONDecoder().raw_decode(observation, start)
    except (ValueError, RecursionError) as error:
        raise UnexpectedObservationError(f"{action!r} was answered with {observation[:200]!r}: {error}") from None
    if resource.get("resourceType") != "Bundle":
        raise UnexpectedObservationError(f"{action!r} was answered with no Bundle but {observation[:200]!r}")
    return resource


def search(
    url: str, enough: Callable[[list[Resource]], bool] = lambda found: False
) -> ReferenceActions[list[Resource]]:
    """Search and follow the `next` links.

    Args:
        url: The first request, with its parameters percent-encoded.
        enough: Asked after each page with all resources so far; True stops the paging.

    Returns:
        The matches in the order listed.

    Raises:
        UnexpectedObservationError: An answer is not a Bundle.
    """
    found: list[Resource] = []
    while True:
        action = f"GET {url}"
        bundle = _bundle(action, (yield action))
        found.extend(
            entry["resource"]
            for entry in bundle.get("entry", [])
            if entry.get("search", {}).get("mode", "match") == "match" and "resource" in entry
        )
        following = [link["url"] for link in bundle.get("link", []) if link.get("relation") == "next" and "url" in link]
        if not following or enough(found):
            return found
        url = following[0]


def observations(
    base: str, mrn: str, code: str, extra: str, enough: Callable[[list[Resource]], bool] = lambda found: False
) -> ReferenceActions[list[Resource]]:
    """Return all Observations of a code, paging to the end (or until `enough`), with more parameters in `extra`."""
    return search(f"{base}Observation?patient={quote(mrn, safe='')}&code={quote(code, safe='')}{extra}", enough)


def newest_first(base: str, mrn: str, code: str) -> ReferenceActions[list[Resource]]:
    """Yield the newest Observations of a code, all that share the latest time among them, in the server's own order.

    Unsorted matches come by id and not by time, so the server is asked to sort; equal times then go back into id order.
    """
    extra = f"&_sort=-date&_count={PAGE_OF_NEWEST}"
    found = yield from observations(base, mrn, code, extra, _past_the_newest)
    return sorted(found, key=lambda resource: (len(str(resource.get("id", ""))), str(resource.get("id", ""))))


def _past_the_newest(found: list[Resource]) -> bool:
    """Return whether the values so far, newest first, end with one older than the newest: then no more can share its time."""
    values = readings(found)
    return bool(values) and values[-1].at < values[0].at


def post(payload: Mapping[str, Any], base: str) -> str:
    """Return the action that creates a resource."""
    return f"POST {base}{payload['resourceType']}\n{json.dumps(payload)}"


def finish(answer: Sequence[Any]) -> str:
    """Return the action that ends the episode with an answer."""
    return f"FINISH({json.dumps(list(answer))})"


def act(orders: Iterable[Mapping[str, Any]], answer: Sequence[Any], base: str) -> ReferenceActions[None]:
    """Post orders one after the other, then finish."""
    for order in orders:
        yield post(order, base)
    yield finish(answer)
