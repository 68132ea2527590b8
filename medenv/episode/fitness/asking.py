"""Questions to a server, many at a time, and what its answers say, with refusals as such."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from medenv.errors import InfrastructureError
from medenv.fhir.backend import BackendError, Response
from medenv.fhir.remote.client import Client

__all__ = ["AT_ONCE", "Asking", "Listing", "RefusedError"]

AT_ONCE = 8
"""Requests under way at a time."""

_PAGES = 50
"""Pages that are followed at most: no list that is asked for is so long."""

T = TypeVar("T")
R = TypeVar("R")
Resource = dict[str, Any]


class RefusedError(InfrastructureError):
    """A server answered a request with an error, or with what is no Bundle."""


class Listing:
    """What a search gave.

    Attributes:
        resources: The matches of the first page, in order.
        total: How many the server says there are; None if it doesn't.
        following: The link to the next page; None if this is the last.
    """

    def __init__(self, bundle: Resource) -> None:
        entries = [one for one in bundle.get("entry", []) if isinstance(one, dict) and "resource" in one]
        self.resources: list[Resource] = [
            one["resource"] for one in entries if one.get("search", {}).get("mode", "match") == "match"
        ]
        total = bundle.get("total")
        self.total = total if isinstance(total, int) else None
        links = [link.get("url") for link in bundle.get("link", []) if link.get("relation") == "next"]
        self.following: str | None = links[0] if links else None


class Asking:
    """A server that is asked.

    Args:
        client: Requests to it.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def each(self, ask: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Ask something of each item, several at a time; return the answers in order.

        Raises:
            BackendError: The server doesn't answer.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                return list(pool.map(ask, items))
            except BackendError:
                pool.shutdown(cancel_futures=True)
                raise

    def read(self, url: str) -> Resource | None:
        """Read a resource; return None if it isn't there.

        Raises:
            RefusedError: The server refuses.
        """
        answer = self._answer(url)
        if answer.status in (404, 410):
            return None
        return self._parsed(url, answer.status, answer.body)

    def search(self, url: str) -> Listing:
        """Search for the first page.

        Raises:
            RefusedError: The server refuses, or doesn't answer with a Bundle.
        """
        answer = self._answer(url)
        found = self._parsed(url, answer.status, answer.body)
        if found.get("resourceType") != "Bundle":
            raise RefusedError(f"GET {url} is answered with a {found.get('resourceType')} instead of a Bundle")
        return Listing(found)

    def whole(self, url: str) -> list[Resource]:
        """Search and follow the links to further pages.

        Raises:
            RefusedError: As for `search`, or there is no end.
        """
        following: str | None = url
        found: list[Resource] = []
        for _ in range(_PAGES):
            if following is None:
                return found
            page = self.search(following)
            found, following = [*found, *page.resources], page.following
        raise RefusedError(f"GET {url} has more than {_PAGES} pages")

    def _answer(self, url: str) -> Response:
        """Ask; a server that fails at one request and still answers others refuses it.

        Raises:
            BackendError: The server doesn't answer any more.
            RefusedError: It fails at this request.
        """
        try:
            return self.client.fresh(url)
        except BackendError as error:
            self.client.fresh("metadata")
            raise RefusedError(str(error)) from error

    @staticmethod
    def _parsed(url: str, status: int, body: str) -> Resource:
        if not 200 <= status < 300:
            raise RefusedError(f"GET {url} is refused with status {status}")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise RefusedError(f"GET {url} is answered with what is no JSON object: {body[:60]!r}")
        return found
