"""A server that one episode at a time writes to: what was written, putting it back, and proof that it is back.

An episode's session and its forks share the server by turns: the one that asks finds its own state, resources and ids included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any
from urllib.parse import quote

from medenv.fhir import jsontext
from medenv.fhir.backend import BackendError, Response
from medenv.fhir.remote.client import Client
from medenv.fhir.remote.history import History, Version
from medenv.fhir.remote.resources import content, entry_for, unstamped, version_of
from medenv.fhir.remote.tracking import LONGEST_NUMBER, Effects, Key, Report, effects_of, reports

__all__ = ["Server", "UnrestoredError", "Write"]

_FHIR_JSON = {"content-type": "application/fhir+json"}
_AS_IT_WAS = {**_FHIR_JSON, "x-meta-snapshot-mode": "TAG, PROFILE, SECURITY_LABEL"}
"""By its header HAPI replaces what is tagged, which an update otherwise only adds to (``MetaSnapshotModeTokens``)."""
_PASSES = 4
"""How often single requests are gone through when a server takes no transaction: each frees what refers to the next."""


@dataclass(frozen=True, slots=True)
class Write:
    """One version that a request stored.

    Attributes:
        version: The version.
        submitted: What was sent for it; None if that isn't known.
    """

    version: Version
    submitted: str | None


class UnrestoredError(BackendError):
    """What an episode wrote can't be taken back by requests; only a fresh server is as before."""


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
        self._history = History()
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
                self._history.mark(self.client)
        except BackendError:
            if self._renew is None:
                raise
            self._fresh(self._renew)
            self._history.mark(self.client)

    def _fresh(self, renew: Callable[[], Client]) -> None:
        """Continue with a fresh server."""
        self.client.close()
        self.client = renew()
        self.forget()

    # writing

    def request(
        self, method: str, url: str, body: str | None, headers: Mapping[str, str] | None
    ) -> tuple[Response, list[Write]]:
        """Send a request, noting what it touches.

        Returns:
            The answer and what was written, in order.
        """
        target = self.client.target(url)
        asked = effects_of(method, target, body)
        if not asked.writes:
            given = {k.lower(): v for k, v in (headers or {}).items()}
            if method == "GET":
                given.setdefault("cache-control", "no-cache")
            return self.client.send(method, url, body, given), []
        if asked.lasting and not self._lasting:
            return _not_sent(method, target, "what it does can't be undone on a server that others use"), []
        if asked.nameless:
            return _not_sent(
                method, target, "no URL can name a resource with the id '.' or '..', so that it could never be read"
            ), []
        if asked.unreadable:
            why = f"its number of more than {LONGEST_NUMBER} digits would be stored, and could never be read again"
            return _not_sent(method, target, why), []
        self._history.before_request(self.client)
        states = self._look(asked)
        self._changed = True
        self.lost |= asked.lasting
        answer = self.client.send(method, url, body, headers)
        return answer, self._note(asked, answer, states)

    def _look(self, asked: Effects) -> dict[Key, Any]:
        """Read what a request is about to write, while it is still as it was; returns how it is, where that can't be told later."""
        keys = list(asked.keys)
        for search in asked.searches:
            bundle = self.client.json(f"{search}&_count=1000") or {}
            keys += [(e["resource"]["resourceType"], e["resource"]["id"]) for e in bundle.get("entry", [])]
        again = asked.lasting or not self._history.marked
        states = {}
        for key in dict.fromkeys(keys):
            if again or key not in self.before:
                states[key] = self._read(key)
                self.before.setdefault(key, states[key])
        return states if again else {}

    def _read(self, key: Key) -> Any:
        answer = self.client.fresh(f"{key[0]}/{quote(key[1], safe='')}")
        if answer.status == 410 and key not in self.before:
            self._buried.add(key)
        if answer.ok:
            try:
                return jsontext.loads(answer.body)
            except (ValueError, RecursionError) as error:
                raise BackendError(f"{self.client.wire} answers GET {'/'.join(key)} with no JSON: {error}") from None
        if answer.status in (404, 410, 400):  # 400: the id or the type is none
            return None
        raise BackendError(f"{self.client.wire} answers {answer.status} to GET {'/'.join(key)}: {answer.body[:200]}")

    def _note(self, asked: Effects, answer: Response, states: Mapping[Key, Any]) -> list[Write]:
        """Find out what a request wrote, and how that was before, where it wasn't read before."""
        named = list(reports(asked, answer)) if answer.ok else []
        if self._history.marked:
            found = self._told_by_history(asked, named, states)
        else:
            found = self._told_by_answer(asked, named, states)
        found += self._changed_in_place(states, {one.key for one in found}) if answer.ok else []
        submitted = (
            dict(zip(asked.keys, asked.submitted, strict=True)) if len(asked.submitted) == len(asked.keys) else {}
        )
        sent = {(one.key, one.version): one.submitted for one in named}
        for one in found:
            if one.key not in self.before:
                self.before[one.key] = self._earlier(one.key, one.version)
        return [Write(one, sent.get((one.key, one.version), submitted.get(one.key))) for one in found]

    def _told_by_history(self, asked: Effects, named: list[Report], states: Mapping[Key, Any]) -> list[Version]:
        """Return what the history shows beside what it showed before the request."""
        order = {key: at for at, key in reversed(list(enumerate([*(one.key for one in named), *asked.keys, *states])))}
        alone = self._own or self._wipe is not None  # elsewhere, what the request didn't name is another client's
        found = [one for one in self._history.after_request(self.client) if alone or one.key in order]
        return sorted(found, key=lambda one: order.get(one.key, len(order)))

    def _told_by_answer(self, asked: Effects, named: list[Report], states: Mapping[Key, Any]) -> list[Version]:
        """Return what the answer names in a new version, or what now isn't there, from a server that shows no history."""
        found = []
        for one in named:
            was, now = states.get(one.key), self._read(one.key)
            changed = one.key in states and one.version != version_of(was) and (was, now) != (None, None)
            if one.created or changed:
                found.append(Version(one.key, one.version, now))
        for key in dict.fromkeys(k for k in states if k not in {one.key for one in named}):
            now = self._read(key)
            if version_of(now) != version_of(states[key]):
                found.append(Version(key, version_of(now), now))
        return found

    def _changed_in_place(self, states: Mapping[Key, Any], known: set[Key]) -> list[Version]:
        """Return what an operation changed without a new version, as ``$meta-add`` does on HAPI."""
        both = ((key, was, self._read(key)) for key, was in states.items() if key not in known)
        return [Version(key, version_of(now), now) for key, was, now in both if content(was) != content(now)]

    def _earlier(self, key: Key, version: str) -> Any:
        """Return a resource as it was before a version."""
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
        if not self._own or not self._history.marked:
            return
        oldest: dict[Key, int] = {}
        for one in self._history.since_mark(self.client):
            if one.key not in self.before:
                oldest[one.key] = min(oldest.get(one.key, 1 << 60), one.number or 1)
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
            self._history.unsure()
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
            entries = [entry_for(key, value) for key, value in sorted(wanted.items(), key=_patients_first)]
            bundle = jsontext.compact({"resourceType": "Bundle", "type": "transaction", "entry": entries})
            if self.client.send("POST", "", bundle, _AS_IT_WAS).ok:
                return
        left = dict(sorted(wanted.items(), key=_patients_first))
        for _ in range(_PASSES):
            for key, value in list(left.items()):
                url = f"{key[0]}/{key[1]}"
                if value is None:
                    answer = self.client.send("DELETE", url)
                else:
                    answer = self.client.send("PUT", url, jsontext.compact(unstamped(value)), _AS_IT_WAS)
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
            self._check_history()
        self.forget()

    def _check_history(self) -> None:
        """Check that the history since the mark speaks of nothing else."""
        if self._history.marked:
            for one in self._history.since_mark(self.client):
                if one.key not in self.before:
                    raise UnrestoredError(
                        f"{self.client.wire} now holds {one.name}, which this episode is not known to have written: another client "
                        "writes to the server, or a request arrived though it was not answered; remove it and try again"
                    )

    def forget(self) -> None:
        """Begin from the server as it is."""
        self.before, self.now, self._changed, self.lost = {}, {}, False, False
        self._buried = set()
        self._history.forget()

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


def _patients_first(item: tuple[Key, Any]) -> tuple[bool, Key]:
    return item[0][0] != "Patient", item[0]


def _not_sent(method: str, target: str, why: str) -> Response:
    text = f"medenv did not send {method} {target[:200]}: {why}"
    issue = {"severity": "error", "code": "forbidden", "diagnostics": text}
    body = jsontext.pretty({"resourceType": "OperationOutcome", "issue": [issue]})
    return Response(403, body, {"content-type": "application/fhir+json;charset=UTF-8"})
