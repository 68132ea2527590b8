"""Reading without searching: one resource, one version, histories, and what HAPI says when there is nothing to read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from medenv.fhir import definitions
from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.index.dates import format_instant, http_date
from medenv.fhir.output import Entry, Output
from medenv.fhir.search.bundle import head
from medenv.fhir.search.query import not_supported
from medenv.fhir.shape import Record

if TYPE_CHECKING:
    from medenv.fhir.session import EmbeddedSession

__all__ = ["check_read_parameters", "deleted_error", "history", "not_known", "read", "resource_response", "unknown_type", "vread"]

_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def unknown_type(name: str) -> FhirError:
    """HAPI's refusal of a path that names no resource type."""
    known = ", ".join(definitions.types())
    return FhirError(404, f"HAPI-0302: Unknown resource type '{name}' - Server knows how to handle: [{known}]")


def not_known(session: EmbeddedSession, type_: str, id_: str) -> FhirError:
    """HAPI's refusal of an id that no resource of the type has."""
    if not _NUMBER.fullmatch(id_):
        return FhirError(404, f"HAPI-2001: Resource {type_}/{id_} is not known")
    other = session.chart.by_pid(int(id_))
    if other is None:
        return FhirError(404, f"HAPI-1996: Resource {type_}/{id_} is not known")
    if other.type == type_:
        return FhirError(404, f"HAPI-2000: Resource {type_}/{id_} is not known")
    text = f"HAPI-0935: Resource with ID {other.id} exists but it is not of type {type_}, found resource of type {other.type}"
    return FhirError(404, text)


def deleted_error(session: EmbeddedSession, record: Record) -> FhirError:
    """HAPI's answer to a read of what was deleted."""
    where = f"{session.base}/{record.type}/{record.id}/_history/{record.version}"
    return FhirError(410, f"Resource was deleted at {format_instant(record.updated)}", headers={"location": where})


def _control(names: list[str]) -> bool:
    return all(name.startswith("_") for name in names)


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


def read(session: EmbeddedSession, type_: str, id_: str, output: Output, headers: dict[str, str]) -> Response:
    """Read a resource's newest version.

    Raises:
        FhirError: It isn't known (404) or was deleted (410).
    """
    record = session.lookup(type_, id_)
    if record is None:
        raise not_known(session, type_, id_)
    if record.deleted:
        raise deleted_error(session, record)
    return resource_response(session, record, output, headers)


def vread(session: EmbeddedSession, type_: str, id_: str, version: str, output: Output, headers: dict[str, str]) -> Response:
    """Read one version of a resource.

    Raises:
        FhirError: There is no such resource or version (404), or the version is a deletion (410).
    """
    if not version.isdigit():
        raise FhirError(404, f'HAPI-0978: Version "{version}" is not valid for resource {type_}/{id_}')
    versions = session.history(type_, id_)
    record = next((r for r in versions if r.version == int(version)), None)
    if record is None:
        if int(version) == 1 and not versions:
            raise not_known(session, type_, id_)
        raise FhirError(404, f'HAPI-0979: Version "{version}" is not valid for resource {type_}/{id_}')
    if record.deleted:
        raise deleted_error(session, record)
    return resource_response(session, record, output, headers)


def history(
    session: EmbeddedSession, type_: str, id_: str, params: list[tuple[str, str]], output: Output, path: str, raw: str
) -> Response:
    """The versions of a resource, of a type or of everything, newest first.

    Raises:
        FhirError: The resource isn't known.
    """
    if id_:
        records = list(session.history(type_, id_))
        if not records:
            raise not_known(session, type_, id_)
    else:
        records = [r for r in session.chart.all_versions() if type_ in ("", r.type)]
    records.sort(key=lambda r: (r.updated, r.pid, r.version), reverse=True)
    count = _integer(params, "_count", 20)
    offset = _integer(params, "_offset", 0)
    shown = records[offset : offset + count]
    url = f"{session.base}/{path}"
    links = [("self", f"{url}?{raw}" if raw else url)]
    if offset + count < len(records):
        links.append(("next", f"{url}?_count={count}&_offset={offset + count}"))
    if offset:
        links.append(("previous", f"{url}?_count={count}&_offset={max(0, offset - count)}"))
    id_of_bundle = session.new_bundle_id(path, raw)
    text = output.write_bundle(head(id_of_bundle, session.now(), "history", len(records), links), [_version(session, r) for r in shown])
    return Response(200, text, session.bundle_headers(output, id_of_bundle))


def _integer(params: list[tuple[str, str]], name: str, default: int) -> int:
    text = next((v for n, v in params if n == name and v), None)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise FhirError(400, f"HAPI-0375: Invalid {name} value: {text}")
    return int(text)


def _version(session: EmbeddedSession, record: Record) -> Entry:
    where = f"{record.type}/{record.id}"
    method = "POST" if record.version == 1 else record.method
    request: dict[str, Any] = {"method": method, "url": f"{where}/_history/{record.version}"}
    status = "201 Created" if record.version == 1 else "200 OK"
    tail = {"request": request, "response": {"status": status, "etag": f'W/"{record.version}"'}}
    return Entry(f"{session.base}/{where}", record.shape, record.values, "", tail)


def check_read_parameters(path: str, params: list[tuple[str, str]]) -> None:
    """Refuse any parameter of a read that doesn't start with ``_``.

    Raises:
        FhirError: HAPI's "does not know how to handle".
    """
    names = [n for n, _ in params]
    if not _control(names):
        raise not_supported(path, names)

