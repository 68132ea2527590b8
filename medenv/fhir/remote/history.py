"""What a server's history tells: which versions of which resources have come about since a moment, and what they hold.

It is what a server did, whatever it answered. A server that shows no history of all resources leaves only its answers to go by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from medenv.fhir.backend import BackendError
from medenv.fhir.index.dates import format_instant, span
from medenv.fhir.remote.client import Client
from medenv.fhir.remote.tracking import Key

__all__ = ["History", "Version"]

_SLACK = 1_000
"""Milliseconds before the server's own time from which its history is compared: far more than two clocks of one machine differ."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource.

    Attributes:
        key: The resource.
        version: Its number.
        resource: What it holds; None for a deletion.
    """

    key: Key
    version: str
    resource: Any

    @property
    def name(self) -> str:
        """Its URL below the base."""
        return f"{self.key[0]}/{self.key[1]}/_history/{self.version}"

    @property
    def number(self) -> int:
        """Its number for sorting, 0 where a server counts otherwise."""
        return int(self.version) if self.version.isdecimal() and len(self.version) <= 18 else 0


class History:
    """The versions that came about on a server since an episode began there.

    Attributes:
        told: Whether the server shows such a history; supposed until it is found that it doesn't.
    """

    def __init__(self) -> None:
        self.told = True
        self._since: str | None = None
        self._begun: set[str] = set()
        self._seen: set[str] | None = None

    @property
    def marked(self) -> bool:
        """Whether there is a moment from which on the history is compared."""
        return self.told and self._since is not None

    def mark(self, client: Client) -> None:
        """Note the server's time, and the versions that its history of the last moment holds.

        Raises:
            BackendError: The server doesn't answer, or is no FHIR server.
        """
        counted = client.json("Patient?_summary=count")
        if counted is None:
            raise BackendError(f"{client.wire} refuses to search patients; is it a FHIR R4 server's base URL?")
        if self.told:
            # A count tells the server's time as well as its history would, and costs less on a large one.
            at = span(str(counted.get("meta", {}).get("lastUpdated", "")))
            self._since = format_instant(at.low - _SLACK) if at is not None else None
            known = self._versions(client) if self._since is not None else None
            self.told = known is not None
            self._begun = {one.name for one in known or ()}
            self._seen = set(self._begun)

    def forget(self) -> None:
        """Give up the mark."""
        self._since, self._seen, self._begun = None, None, set()

    def since_mark(self, client: Client) -> list[Version]:
        """Return the versions that came about since the mark, newest first.

        Raises:
            BackendError: The server doesn't show its history any more.
        """
        found = self._versions(client)
        if found is None:
            raise BackendError(f"{client.wire} refuses to show its history, which it showed before")
        return [one for one in found if one.name not in self._begun]

    def unsure(self) -> None:
        """Note that somebody else than an episode's request writes, so that its versions aren't taken for the next request's."""
        self._seen = None

    def before_request(self, client: Client) -> None:
        """Know all versions that are there before a request; costs nothing unless there may be others than were seen."""
        if not self.marked and self.told:
            self.mark(client)
        if self.marked and self._seen is None:
            self._seen = self._begun | {one.name for one in self.since_mark(client)}

    def after_request(self, client: Client) -> list[Version]:
        """Return the versions that came about with the last request, the oldest of each resource first.

        Raises:
            BackendError: The server doesn't show its history any more.
        """
        seen = self._seen or set()
        found = [one for one in self.since_mark(client) if one.name not in seen]
        self._seen = seen | {one.name for one in found}
        found.reverse()
        return sorted(found, key=lambda one: one.number)

    def _versions(self, client: Client) -> list[Version] | None:
        """Return what the history since the mark's time holds; None from a server that never tells."""
        found: dict[str, Version] = {}
        url: str | None = f"_history?_since={quote(self._since or '', safe='')}&_count=500"
        while url:
            bundle = client.json(url)
            if bundle is None:
                return None
            for entry in bundle.get("entry", []):
                one = _version_of(entry)
                if one is not None:
                    found[one.name] = one
            url = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
        return list(found.values())


def _version_of(entry: Any) -> Version | None:
    resource = entry.get("resource")
    if resource:
        version = str(resource.get("meta", {}).get("versionId", ""))
        return Version((resource["resourceType"], resource["id"]), version, resource)
    parts = entry.get("request", {}).get("url", "").split("/")
    return Version((parts[-4], parts[-3]), parts[-1], None) if len(parts) >= 4 else None
