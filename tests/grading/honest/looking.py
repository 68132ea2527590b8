"""GETs as steps of a policy: one request, or a search followed through its next links, in JSON or XML.

A policy is a generator of an agent's texts that is sent what the agent sees, so all it learns is what was on screen.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote
from xml.etree import ElementTree

from medenv.tasks import Task
from medenv.tasks.chart import DAY, instant

T = TypeVar("T")
ReferenceActions = Generator[str, str, T]
Resource = dict[str, Any]

MOST_PAGES = 5
"""Pages that leave room for two orders and the answer in eight turns."""

_NAMESPACE = "{http://hl7.org/fhir}"
_LISTS = frozenset({"coding", "entry", "given", "identifier", "link", "name", "category"})


class UnfitError(Exception):
    """A strategy meets a chart that it can't finish in the turns there are: that task isn't its to play."""


@dataclass(frozen=True)
class Question:
    """What a task's text says, as parts of URLs: percent-encoded, as an agent would write them."""

    task: Task

    @property
    def mrn(self) -> str:
        return quote(str(self.task.mrn), safe="")

    @property
    def code(self) -> str:
        return quote(self.task.params["code"], safe="")

    @property
    def now(self) -> datetime:
        return instant(self.task.now)

    @property
    def start(self) -> datetime:
        """24 hours before the present, the first instant that "the past 24 hours" holds."""
        return self.now - DAY

    def day(self, away: int = 0) -> str:
        """A date so many days from today."""
        return (self.now + timedelta(days=away)).date().isoformat()

    def part(self, name: str) -> str:
        """The given or family name or the birth date that the instruction names the patient by."""
        return quote(self.task.params[name], safe="")


def stamp(at: datetime, form: str = "%Y-%m-%dT%H:%M:%S+00:00") -> str:
    """An instant as text for a URL, with all that isn't plain percent-encoded."""
    return quote(at.strftime(form), safe="")


def fetch(url: str) -> ReferenceActions[Resource]:
    """GET one URL; the resource that it is answered with, read from JSON or XML."""
    return body(f"GET {url}", (yield f"GET {url}"))


def body(action: str, seen: str) -> Resource:
    """The resource in an observation."""
    start = min((at for at in (seen.find("{"), seen.find("<")) if at >= 0), default=-1)
    if start < 0:
        raise AssertionError(f"{action!r} was answered with {seen[:200]!r}")
    if seen[start] == "<":
        return _from_xml(ElementTree.fromstring(seen[start:]))
    return json.JSONDecoder().raw_decode(seen, start)[0]


def resources_in(answer: Mapping[str, Any]) -> list[Resource]:
    """A Bundle's resources, matched and included alike; any other resource alone."""
    if answer.get("resourceType") != "Bundle":
        return [dict(answer)]
    return [entry["resource"] for entry in answer.get("entry", []) if "resource" in entry]


def next_url(answer: Mapping[str, Any]) -> str | None:
    """Where a Bundle goes on."""
    return next((link["url"] for link in answer.get("link", []) if link.get("relation") == "next"), None)


def pages(url: str, most: int = MOST_PAGES) -> ReferenceActions[list[Resource]]:
    """Search and follow the next links to the end.

    Raises:
        UnfitError: There are more pages than `most`.
    """
    found: list[Resource] = []
    following: str | None = url
    for _ in range(most):
        answer = yield from fetch(following)
        found += resources_in(answer)
        following = next_url(answer)
        if following is None:
            return found
    raise UnfitError(url)


def every(urls: Iterable[str], most: int = MOST_PAGES) -> ReferenceActions[list[Resource]]:
    """Several searches to their ends, what they found together, each resource once."""
    found: dict[tuple[str, str], Resource] = {}
    used = 0
    for url in urls:
        if used == most:
            raise UnfitError(url)
        following: str | None = url
        while following is not None:
            if used == most:
                raise UnfitError(url)
            answer = yield from fetch(following)
            used += 1
            found.update({(one["resourceType"], one["id"]): one for one in resources_in(answer)})
            following = next_url(answer)
    return list(found.values())


def of_code(found: Iterable[Resource], code: str) -> list[Resource]:
    """The Observations among resources that are coded with this code, its own and no longer one.

    Those whose code the answer doesn't show are kept: the search named it.
    """
    return [
        one
        for one in found
        if one["resourceType"] == "Observation"
        and ("code" not in one or any(coding.get("code") == code for coding in one["code"].get("coding", [])))
    ]


def _from_xml(element: ElementTree.Element) -> Any:
    """An element of FHIR's XML in the shape of its JSON, as far as a reader of labs and patients needs it."""
    tag = element.tag.removeprefix(_NAMESPACE)
    if tag[0].isupper():
        return {"resourceType": tag, **_members(element)}
    if len(element) == 0:
        return element.get("value")
    if tag == "resource":
        return _from_xml(element[0])
    members = _members(element)
    if tag == "valueQuantity":
        members["value"] = json.loads(members["value"])
    return members


def _members(element: ElementTree.Element) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "div":
            continue
        if name in _LISTS and (len(child) or name == "given"):
            members.setdefault(name, []).append(_from_xml(child))
        else:
            members[name] = _from_xml(child)
    return members
