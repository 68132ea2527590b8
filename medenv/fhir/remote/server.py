"""A server that one episode at a time writes to: what was written, putting it back, and proof that it is back.

An episode's session and its forks share the server by turns: the one that asks finds its own state, resources and ids included.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from threading import RLock
from typing import Any
from urllib.parse import quote

from medenv.fhir import jsontext
from medenv.fhir.backend import BackendError, Response
from medenv.fhir.index.dates import format_instant, span
from medenv.fhir.remote.client import Client
from medenv.fhir.remote.tracking import Key, Plan, plan, written

__all__ = ["Server", "UnrestoredError"]

_FHIR_JSON = {"content-type": "application/fhir+json"}
_STAMPS = ("versionId", "lastUpdated", "source")
"""What of meta the server gives anew with each version."""

_SLACK = 1_000
"""Milliseconds before the server's own time from which its history is compared: far more than two clocks of one machine differ."""

_PASSES = 4
"""How often single requests are gone through when a server takes no transaction: each frees what refers to the next."""


class UnrestoredError(BackendError):
    """What an episode wrote can't be taken back by requests; only a fresh server is as before."""


def content(resource: Mapping[str, Any] | None) -> str | None:
    """A resource's text without what changes with every version."""
    if resource is None:
        return None
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in _STAMPS}
    rest = {k: v for k, v in resource.items() if k != "meta"}
    return json.dumps({**rest, **({"meta": meta} if meta else {})}, sort_keys=True)


class Server:
    """One server and the session whose state it holds.

    Args:
        client: Requests to it.
        wipe: Forgets everything that was written, where the server can do that by itself.
        lasting: Whether requests that can't be undone are let through; the server then says so in `lost`.
        renew: Gives a client of a fresh server that is as this one was at first, where there is such a thing.
        always_renew: Whether that is done after any write, rather than only where undoing fails.
        own: Whether nobody else writes to it: what its history shows is then undone though we didn't see it written, and older
            versions that episodes left behind are expunged.
    """

    def __init__(
        self,
        client: Client,
        *,
        wipe: Callable[[], None] | None = None,
        lasting: bool = False,
        renew: Callable[[], Client] | None = None,
        always_renew: bool = False,
        own: bool = False,
    ) -> None:
        self.client = client
        self.lock = RLock()
        self.lost = False
        self._wipe, self._lasting, self._own = wipe, lasting, own
        self._renew, self._always_renew = renew, always_renew
        self.before: dict[Key, Any] = {}
        """By resource that was written to, its content before; None if it wasn't there."""
        self.now: dict[Key, Any] = {}
        """The same as it is now, as far as `_changed` isn't set."""
        self._changed = False
        self._buried: set[Key] = set()
        self._since: str | None = None
        self._known: set[str] = set()
        self._history = True
        self._expunges = True

    # the state before

    def begin(self) -> None:
        """Make sure that the server answers and is as it was, and note where its history stands.

        Raises:
            BackendError: It doesn't answer, or can't be put back.
        """
        try:
            if self.before or self._changed or self.lost:
                self.restore()
            if self._wipe is None:
                self._mark()
        except BackendError:
            if self._renew is None:
                raise
            self._fresh(self._renew)
            self._mark()

    def _fresh(self, renew: Callable[[], Client]) -> None:
        """Go on with a fresh server."""
        self.client.close()
        self.client = renew()
        self.forget()

    def _mark(self) -> None:
        """Note the versions that the history of the last moment holds."""
        counted = self.client.json("Patient?_summary=count")
        if counted is None:
            raise BackendError(f"{self.client.wire} refuses to search patients; is it a FHIR R4 server's base URL?")
        if self._history:
            # A count tells the server's time as well as its history would, and costs less on a large one.
            at = span(str(counted.get("meta", {}).get("lastUpdated", "")))
            self._since = format_instant(at.low - _SLACK) if at is not None else None
            known = self._versions() if self._since is not None else None
            self._history, self._known = known is not None, set(known or ())

    def _versions(self) -> dict[str, Key] | None:
        """What was written since the mark: version URLs and the resources' keys; None from a server that never tells."""
        found: dict[str, Key] = {}
        url: str | None = f"_history?_since={quote(self._since or '', safe='')}&_count=500"
        while url:
            bundle = self.client.json(url)
            if bundle is None:
                return None
            for entry in bundle.get("entry", []):
                resource = entry.get("resource")
                if resource:
                    key = (resource["resourceType"], resource["id"])
                    version = str(resource.get("meta", {}).get("versionId", ""))
                else:
                    parts = entry.get("request", {}).get("url", "").split("/")
                    if len(parts) < 4:
                        continue
                    key, version = (parts[-4], parts[-3]), parts[-1]
                found[f"{key[0]}/{key[1]}/_history/{version}"] = key
            url = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
        return found

    def _told(self) -> dict[str, Key]:
        """As `_versions`, of a server that told before.

        Raises:
            BackendError: It doesn't any more.
        """
        found = self._versions()
        if found is None:
            raise BackendError(f"{self.client.wire} refuses to show its history, which it showed before")
        return found

    # writing

    def request(self, method: str, url: str, body: str | None, headers: Mapping[str, str] | None) -> Any:
        """Send a request, noting what it touches.

        Returns:
            The answer and, by resource it wrote, what was submitted.
        """
        target = self.client.target(url)
        asked = plan(method, target, body)
        if not asked.writes:
            given = {k.lower(): v for k, v in (headers or {}).items()}
            if method == "GET":
                given.setdefault("cache-control", "no-cache")
            return self.client.send(method, url, body, given), {}
        if asked.lasting and not self._lasting:
            return _not_sent(method, target), {}
        self._look(asked)
        self._changed = True
        self.lost |= asked.lasting
        answer = self.client.send(method, url, body, headers)
        return answer, self._note(asked, answer)

    def _look(self, asked: Plan) -> None:
        """Read what a request is about to write, while it is still as it was."""
        keys = list(asked.keys)
        for search in asked.searches:
            bundle = self.client.json(f"{search}&_count=1000") or {}
            keys += [(e["resource"]["resourceType"], e["resource"]["id"]) for e in bundle.get("entry", [])]
        for key in keys:
            if key not in self.before:
                self.before[key] = self._read(key)

    def _read(self, key: Key) -> Any:
        answer = self.client.fresh(f"{key[0]}/{quote(key[1], safe='')}")
        if answer.status == 410 and key not in self.before:
            self._buried.add(key)
        if answer.ok:
            try:
                return jsontext.loads(answer.body)
            except ValueError as error:
                raise BackendError(f"{self.client.wire} answers GET {'/'.join(key)} with no JSON: {error}") from None
        if answer.status in (404, 410, 400):  # 400: the id or the type is none
            return None
        raise BackendError(f"{self.client.wire} answers {answer.status} to GET {'/'.join(key)}: {answer.body[:200]}")

    def _note(self, asked: Plan, answer: Response) -> dict[Key, str | None]:
        sent: dict[Key, str | None] = {}
        if answer.ok:
            for number, key in enumerate(asked.keys):
                sent[key] = asked.submitted[number] if len(asked.submitted) == len(asked.keys) else None
        for key, version, submitted in written(asked, answer):
            sent[key] = submitted
            if key not in self.before:
                self.before[key] = self._earlier(key, version)
        return sent

    def _earlier(self, key: Key, version: str) -> Any:
        """A resource as it was before a version."""
        if version == "1":
            return None
        if not version.isdigit():
            raise UnrestoredError(f"{self.client.wire} doesn't count versions: {key[0]}/{key[1]} has {version!r}")
        answer = self.client.fresh(f"{key[0]}/{key[1]}/_history/{int(version) - 1}")
        if answer.ok:
            return jsontext.loads(answer.body)
        if answer.status == 410:
            self._buried.add(key)
            return None
        raise UnrestoredError(f"{self.client.wire} no longer has {key[0]}/{key[1]} as it was before version {version}")

    # other states

    def sync(self) -> None:
        """Learn how everything that was written to now is."""
        if self._changed:
            self._discover()
            self.now = {key: self._read(key) for key in self.before}
            self._changed = False

    def _discover(self) -> None:
        """Find what was written without our seeing it, from the server's history."""
        if not self._own or not self._history or self._since is None:
            return
        oldest: dict[Key, int] = {}
        for version, key in self._told().items():
            number = version.rpartition("/")[2]
            if version not in self._known and key not in self.before:
                oldest[key] = min(oldest.get(key, 1 << 60), int(number) if number.isdigit() else 1)
        for key, first in oldest.items():
            self.before[key] = self._earlier(key, str(first))

    def assume(self, wanted: Mapping[Key, Any]) -> None:
        """Bring the server into another state.

        Args:
            wanted: The resources that differ from the state before; all others become what they were.

        Raises:
            BackendError: It doesn't get there.
        """
        self.sync()
        target = {key: wanted.get(key, self.before[key]) for key in self.before}
        differing = {k: v for k, v in target.items() if content(v) != content(self.now.get(k))}
        if differing:
            self._set(differing)
            self._changed = True
            self.sync()
            self._demand(target)

    def _demand(self, target: Mapping[Key, Any]) -> None:
        for key, value in target.items():
            if content(self.now[key]) != content(value):
                raise UnrestoredError(f"{self.client.wire} does not get {key[0]}/{key[1]} back to what it was")

    def _set(self, wanted: Mapping[Key, Any]) -> None:
        """Write and delete until everything is as wanted: in one transaction, or one by one where that is refused."""
        if len(wanted) > 1:
            entries = [_entry(key, value) for key, value in sorted(wanted.items(), key=_patients_first)]
            bundle = jsontext.compact({"resourceType": "Bundle", "type": "transaction", "entry": entries})
            if self.client.send("POST", "", bundle, _FHIR_JSON).ok:
                return
        left = dict(sorted(wanted.items(), key=_patients_first))
        for _ in range(_PASSES):
            for key, value in list(left.items()):
                url = f"{key[0]}/{key[1]}"
                if value is None:
                    answer = self.client.send("DELETE", url)
                else:
                    answer = self.client.send("PUT", url, jsontext.compact(_unstamped(value)), _FHIR_JSON)
                if answer.ok or (value is None and answer.status in (404, 410)):
                    del left[key]
            if not left:
                return
        raise UnrestoredError(f"{self.client.wire} refuses to restore {', '.join('/'.join(k) for k in left)}")

    def restore(self) -> None:
        """Undo everything that was written, and read again whether it is gone.

        Raises:
            UnrestoredError: The server isn't as it was.
            BackendError: It doesn't answer.
        """
        if not self.before and not self._changed:
            return
        if self._renew is not None and (self.lost or self._always_renew):
            self._fresh(self._renew)
            return
        try:
            self._undo()
        except UnrestoredError:
            if self._renew is None:
                raise
            self._fresh(self._renew)

    def wipe(self) -> None:
        """Let the server forget everything, if it can do that by itself."""
        if self._wipe is not None:
            self._wipe()

    def _undo(self) -> None:
        if self.lost and self._wipe is None:
            raise UnrestoredError(f"a request to {self.client.wire} did what can't be undone")
        if self._wipe is not None:
            self._wipe()
            self.now = {key: self._read(key) for key in self.before}
            self._demand(self.before)
        else:
            self._discover()
            created = [key for key, value in self.before.items() if value is None and key not in self._buried]
            self._set(dict(self.before))
            self._expunge(created)
            self.now = {key: self._read(key) for key in self.before}
            self._demand(self.before)
            self._settle()
        self.forget()

    def _settle(self) -> None:
        """Check that the history since the mark speaks of nothing else, and begin a new one."""
        if self._history and self._since is not None:
            for version, key in self._told().items():
                if version not in self._known and key not in self.before:
                    raise UnrestoredError(
                        f"{self.client.wire} now holds {version}, which this episode is not known to have written: another client "
                        "writes to the server, or a request arrived though it was not answered; remove it and try again"
                    )

    def forget(self) -> None:
        """Begin from the server as it is."""
        self.before, self.now, self._changed, self.lost = {}, {}, False, False
        self._buried = set()
        self._since = None

    def _expunge(self, created: Iterable[Key]) -> None:
        """Remove the traces of what an episode created, and if wanted the older versions of what it changed."""
        both = dict.fromkeys(created, True)
        if self._own:
            both |= {key: False for key, value in self.before.items() if value is not None}
        for key, deleted in both.items():
            if not self._expunges:
                return
            flags = ["expungePreviousVersions", *(["expungeDeletedResources"] if deleted else [])]
            parameters = [{"name": name, "valueBoolean": True} for name in flags]
            body = jsontext.compact({"resourceType": "Parameters", "parameter": parameters})
            answer = self.client.send("POST", f"{key[0]}/{key[1]}/$expunge", body, _FHIR_JSON)
            # A server without the operation keeps a deleted resource's number; a read of it is then a 410.
            self._expunges = answer.ok or (answer.status in (404, 410) and "HAPI-" in answer.body)


def _entry(key: Key, value: Any) -> dict[str, Any]:
    url = f"{key[0]}/{key[1]}"
    if value is None:
        return {"request": {"method": "DELETE", "url": url}}
    return {"resource": _unstamped(value), "request": {"method": "PUT", "url": url}}


def _unstamped(resource: Mapping[str, Any]) -> dict[str, Any]:
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in _STAMPS}
    rest = {k: v for k, v in resource.items() if k not in ("meta", "resourceType", "id")}
    head = {"resourceType": resource["resourceType"], "id": resource["id"]}
    return {**head, **({"meta": meta} if meta else {}), **rest}


def _patients_first(item: tuple[Key, Any]) -> tuple[bool, Key]:
    return item[0][0] != "Patient", item[0]


def _not_sent(method: str, target: str) -> Response:
    text = f"medenv did not send {method} {target[:200]}: what it does can't be undone on a server that others use"
    issue = {"severity": "error", "code": "forbidden", "diagnostics": text}
    body = jsontext.pretty({"resourceType": "OperationOutcome", "issue": [issue]})
    return Response(403, body, {"content-type": "application/fhir+json;charset=UTF-8"})
