"""Reading without searching: one resource, one version, histories, and what HAPI says when there is nothing to read.

Each refusal has the number and text of HAPI 7.6.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medenv.fhir import definitions
from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.index.dates import format_instant, http_date
from medenv.fhir.output import Entry, Output
from medenv.fhir.search.bundle import head, self_link
from medenv.fhir.search.query import hash_order, not_supported
from medenv.fhir.search.values import Date, parse_date
from medenv.fhir.shape import Record

if TYPE_CHECKING:
    from medenv.fhir.session import EmbeddedSession

__all__ = [
    "check_read_parameters",
    "deleted_error",
    "history",
    "not_known",
    "read",
    "resource_response",
    "unknown_type",
    "vread",
]

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)

_NOT_FOR_READS = ("_count", "_include", "_revinclude", "_sort", "_total")
"""Parameters that HAPI knows, but not for a read."""


def unknown_type(name: str) -> FhirError:
    """HAPI's refusal of a path that names no resource type."""
    known = ", ".join(definitions.types())
    return FhirError(404, f"HAPI-0302: Unknown resource type '{name}' - Server knows how to handle: [{known}]")


def not_known(session: EmbeddedSession, type_: str, id_: str, version: str = "") -> FhirError:
    """HAPI's refusal of an id that no resource of the type has.

    Args:
        session: The session.
        type_: The type that was asked for.
        id_: The id that was asked for.
        version: The version that was asked for, if one was.
    """
    if not id_.strip():
        return FhirError(500, "HAPI-2223: The validated expression is false")
    asked = f"{type_}/{id_}" + (f"/_history/{version}" if version else "")
    if not _NUMBER.fullmatch(id_):
        return FhirError(404, f"HAPI-2001: Resource {type_}/{id_} is not known")
    other = session.chart.by_pid(int(id_))
    if other is None:
        return FhirError(404, f"HAPI-1996: Resource {asked} is not known")
    if other.type == type_:
        return FhirError(404, f"HAPI-2000: {asked}")
    text = f"HAPI-0935: Resource with ID {other.id} exists but it is not of type {type_}, found resource of type {other.type}"
    return FhirError(404, text)


def deleted_error(session: EmbeddedSession, record: Record) -> FhirError:
    """HAPI's answer to a read of what was deleted."""
    where = f"{session.base}/{record.type}/{record.id}/_history/{record.version}"
    return FhirError(410, f"Resource was deleted at {format_instant(record.updated)}", headers={"location": where})


def resource_response(session: EmbeddedSession, record: Record, output: Output, headers: dict[str, str]) -> Response:
    """The answer to a read: the resource with its version in the headers, or 304."""
    tag = f'W/"{record.version}"'
    found = {
        "etag": tag,
        "content-location": f"{session.base}/{record.type}/{record.id}/_history/{record.version}",
        "last-modified": http_date(record.updated),
    }
    if headers.get("if-none-match") == tag or _not_modified_since(headers.get("if-modified-since", ""), record.updated):
        return Response(304, "")
    assert record.shape is not None
    text = output.write_shape(record.shape, record.values)
    # without a narrative HAPI has nothing to show for `_summary=text`, and calls that nothing HTML
    content_type = "text/html;charset=UTF-8" if text == "null" else output.content_type
    return Response(200, text, found | {"content-type": content_type})


def _not_modified_since(text: str, updated: int) -> bool:
    from email.utils import parsedate_to_datetime

    try:
        return bool(text) and updated <= parsedate_to_datetime(text).timestamp() * 1000
    except (TypeError, ValueError):
        return False


def read(
    session: EmbeddedSession, type_: str, id_: str, output: Callable[[], Output], headers: dict[str, str]
) -> Response:
    """Read a resource's newest version.

    Raises:
        FhirError: It isn't known (404) or was deleted (410).
    """
    record = session.lookup(type_, id_)
    if record is None:
        raise not_known(session, type_, id_)
    if record.deleted:
        raise deleted_error(session, record)
    return resource_response(session, record, output(), headers)


def vread(
    session: EmbeddedSession, type_: str, id_: str, version: str, output: Callable[[], Output], headers: dict[str, str]
) -> Response:
    """Read one version of a resource.

    Raises:
        FhirError: There is no such resource or version (404), or the version is a deletion (410).
    """
    versions = session.history(type_, id_)
    if not versions and (not _NUMBER.fullmatch(id_) or session.chart.by_pid(int(id_)) is None):
        raise not_known(session, type_, id_, version)
    if not version.isdigit():
        raise FhirError(404, f'HAPI-0978: Version "{version}" is not valid for resource {type_}/{id_}')
    record = next((r for r in versions if r.version == int(version)), None)
    if record is None:
        if int(version) == 1 and not versions:
            raise not_known(session, type_, id_, version)
        raise FhirError(404, f'HAPI-0979: Version "{version}" is not valid for resource {type_}/{id_}')
    if record.deleted:
        raise deleted_error(session, record)
    return resource_response(session, record, output(), headers)


def history(
    session: EmbeddedSession,
    type_: str,
    id_: str,
    params: list[tuple[str, str]],
    output: Callable[[], Output],
    path: str,
    raw: str,
) -> Response:
    """The versions of a resource, of a type or of everything, newest first.

    Raises:
        FhirError: The resource isn't known.
    """
    limits = _limits(params)
    if id_:
        records = list(session.history(type_, id_))
        if not records:
            raise not_known(session, type_, id_)
    else:
        since = limits[0].span.low if limits[0] else 0
        records = [r for r in session.chart.all_versions(since) if type_ in ("", r.type)]
    records.sort(key=lambda r: (r.updated, r.pid, r.version), reverse=True)
    records, filtered = _in_time(records, *limits)
    count, offset = _integer(params, "_count", 20), _integer(params, "_offset", 0)
    shown = records[offset : offset + count]

    def at(place: int) -> str:
        rest = [(n, v) for n, v in params if n not in ("_count", "_offset")]
        return self_link(session.base, path, [*rest, ("_count", str(count)), ("_offset", str(place))])

    links = [("self", self_link(session.base, path, params))]
    if offset + count < len(records):
        links.append(("next", at(offset + count)))
    if offset:
        links.append(("previous", at(max(0, offset - count))))
    form = output()
    id_of_bundle = session.new_bundle_id(path, raw)
    total = None if filtered else len(records)
    top = head(id_of_bundle, session.now(), "history", total, links if count else [])
    text = form.write_bundle(top, [_version(session, r) for r in shown])
    return Response(200, text, session.bundle_headers(form, id_of_bundle))


def _limits(params: list[tuple[str, str]]) -> tuple[Date | None, Date | None]:
    """What ``_since`` and ``_at`` ask for.

    Raises:
        FhirError: One is no date, or ``_since`` names no time of day (HAPI-1885).
    """
    since, moment = (next((v for n, v in params if n == name and v), "") for name in ("_since", "_at"))
    start = parse_date(since) if since else None
    if start is not None and start.by_day:
        text = f"(datatype InstantDt does not support {start.precision.upper()} precision): {since}"
        raise FhirError(400, f"HAPI-1885: Invalid date/time string {text}")
    return start, parse_date(moment) if moment else None


def _in_time(records: list[Record], since: Date | None, moment: Date | None) -> tuple[list[Record], bool]:
    """The versions that two limits leave, newest first, and whether there is a limit."""
    if since is not None:
        records = [r for r in records if r.updated >= since.span.low]
    if moment is not None:
        kept, ended = [], set()
        for record in records:
            key = record.type, record.id
            if record.updated <= moment.span.high and key not in ended:
                kept.append(record)
                if record.updated < moment.span.low:  # the version that was current when the time began
                    ended.add(key)
        records = kept
    return records, since is not None or moment is not None


def _integer(params: list[tuple[str, str]], name: str, default: int) -> int:
    text = next((v for n, v in params if n == name), "")
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else default


def _version(session: EmbeddedSession, record: Record) -> Entry:
    where = f"{record.type}/{record.id}"
    method = "POST" if record.version == 1 else record.method
    request: dict[str, Any] = {"method": method, "url": f"{where}/_history/{record.version}"}
    status = "201 Created" if record.version == 1 else "200 OK"
    tail = {"request": request, "response": {"status": status, "etag": f'W/"{record.version}"'}}
    return Entry(f"{session.base}/{where}", record.shape, record.values, "", tail)


def check_read_parameters(path: str, params: list[tuple[str, str]]) -> None:
    """Refuse what no read takes: any parameter that doesn't start with ``_``, and some that do.

    Raises:
        FhirError: HAPI's "does not know how to handle", or HAPI-0384.
    """
    names = [n for n, _ in params]
    if not all(name.startswith("_") for name in names):
        raise not_supported(path, names)
    wrong = hash_order([n for n in dict.fromkeys(names) if n in _NOT_FOR_READS])
    if wrong:
        raise FhirError(400, f'HAPI-0384: Invalid query parameter(s) for this request: "[{", ".join(wrong)}]"')
