"""Histories: the versions of a resource, of a type or of everything, newest first."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.filters import read_summary
from medenv.fhir.output import Entry
from medenv.fhir.read.refusals import not_known
from medenv.fhir.read.response import bundle_headers
from medenv.fhir.request import Params, Request
from medenv.fhir.search.bundle import head, self_link
from medenv.fhir.search.values import Date, parse_date
from medenv.fhir.template import Record
from medenv.fhir.workspace import Workspace

__all__ = ["history"]


def history(workspace: Workspace, request: Request, type_: str = "", id_: str = "") -> Response:
    """Return the versions of a resource, of a type or of everything, newest first.

    Args:
        workspace: Where.
        request: The request; ``_since``, ``_at``, ``_count`` and ``_offset`` count.
        type_: The type, ``""`` for all.
        id_: The resource's id, ``""`` for all.

    Raises:
        FhirError: The resource isn't known, or a limit is no date.
    """
    params = request.params
    limits = _limits(params)
    if id_:
        records = list(workspace.history(type_, id_))
        if not records:
            raise not_known(workspace, type_, id_)
    else:
        since = limits[0].span.low if limits[0] else 0
        records = [r for r in workspace.chart.all_versions(since) if type_ in ("", r.type)]
    records.sort(key=lambda r: (r.updated, r.pid, r.version), reverse=True)
    records, filtered = _in_time(records, *limits)
    count, offset = _integer(params, "_count", 20), _integer(params, "_offset", 0)
    shown = records[offset : offset + count]
    path = request.sent_path if type_ else "_history"

    def at(place: int) -> str:
        rest = params.without("_count", "_offset")
        return self_link(workspace.base, path, [*rest, ("_count", str(count)), ("_offset", str(place))])

    links = [("self", self_link(workspace.base, path, params))]
    if offset + count < len(records):
        links.append(("next", at(offset + count)))
    if offset:
        links.append(("previous", at(max(0, offset - count))))
    output = request.filtered_output()
    bundle = workspace.new_bundle_id(path, request.query)
    total = None if filtered else len(records)
    if read_summary(params)[1] or count == 0:
        top = head(bundle, workspace.now(), "history", total, [])
        return Response(
            200, replace(output, summary="count").write_bundle(top, []), bundle_headers(workspace, output, bundle)
        )
    top = head(bundle, workspace.now(), "history", total, links)
    text = output.write_bundle(top, [_version(workspace.base, r) for r in shown])
    return Response(200, text, bundle_headers(workspace, output, bundle))


def _limits(params: Params) -> tuple[Date | None, Date | None]:
    """Read ``_since`` and ``_at``.

    Raises:
        FhirError: One is no date, or ``_since`` names no second (HAPI-1885) or has a prefix (HAPI-1882).
    """
    since, moment = params.get("_since"), params.get("_at")
    if since and not since[:1].isdigit():
        raise FhirError(400, f'HAPI-1882: Invalid date/time format: "{since}"')
    start = parse_date(since) if since else None
    if start is not None and (start.by_day or start.precision == "minute"):
        text = f"(datatype InstantDt does not support {start.precision.upper()} precision): {since}"
        raise FhirError(400, f"HAPI-1885: Invalid date/time string {text}")
    return start, parse_date(moment) if moment else None


def _in_time(records: list[Record], since: Date | None, moment: Date | None) -> tuple[list[Record], bool]:
    """Return the versions that two limits leave, newest first, and whether there is a limit."""
    if since is not None:
        records = [r for r in records if r.updated >= since.span.low]
    if moment is not None:
        kept, ended = [], set()
        low = float("-inf") if moment.prefix in ("le", "lt") else moment.span.low
        high = float("inf") if moment.prefix in ("ge", "gt") else moment.span.high
        for record in records:
            key = record.type, record.id
            if record.updated <= high and key not in ended:
                kept.append(record)
                if record.updated < low:  # the version that was current when the time began
                    ended.add(key)
        records = kept
    return records, since is not None or moment is not None


def _integer(params: Params, name: str, default: int) -> int:
    text = params.first(name) or ""
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else default


def _version(base: str, record: Record) -> Entry:
    where = f"{record.type}/{record.id}"
    method = "POST" if record.version == 1 else record.method
    request: dict[str, Any] = {"method": method, "url": f"{where}/_history/{record.version}"}
    status = "201 Created" if record.version == 1 else "200 OK"
    tail = {"request": request, "response": {"status": status, "etag": f'W/"{record.version}"'}}
    return Entry(f"{base}/{where}", record.template, record.values, "", tail)
