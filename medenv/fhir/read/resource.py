"""Reading one resource or one version of it, as HAPI 7.6.0 does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError, not_supported
from medenv.fhir.hashing import hash_order
from medenv.fhir.index.dates import http_date
from medenv.fhir.output import Output
from medenv.fhir.read.refusals import deleted_error, not_known
from medenv.fhir.request import Request, version_of
from medenv.fhir.template import Record
from medenv.fhir.workspace import Workspace

__all__ = ["read", "vread"]

_VERSION = re.compile(r"\d+", re.ASCII)

_NOT_FOR_READS = ("_count", "_include", "_revinclude", "_sort", "_total")
"""Parameters that HAPI knows, but not for a read."""


def read(workspace: Workspace, request: Request, type_: str, id_: str) -> Response:
    """Read a resource's newest version.

    Raises:
        FhirError: The request has a parameter that no read takes (400), or the resource isn't known (404) or was deleted (410).
    """
    _check_parameters(request)
    record = workspace.lookup(type_, id_)
    if record is None:
        raise not_known(workspace, type_, id_)
    if record.deleted:
        raise deleted_error(workspace, record)
    return _response(workspace, record, request.filtered_output(), request.headers)


def vread(workspace: Workspace, request: Request, type_: str, id_: str, version: str) -> Response:
    """Read one version of a resource.

    Raises:
        FhirError: There is no such resource or version (404), or the version is a deletion (410).
    """
    _check_parameters(request)
    versions = workspace.history(type_, id_)
    if not versions and workspace.by_number(id_) is None:
        raise not_known(workspace, type_, id_, version)
    if not _VERSION.fullmatch(version):
        raise FhirError(404, f'HAPI-0978: Version "{version}" is not valid for resource {type_}/{id_}')
    number = version.lstrip("0")
    record = next((r for r in versions if str(r.version) == number), None)
    if record is None:
        if number == "1" and not versions:
            raise not_known(workspace, type_, id_, version)
        raise FhirError(404, f'HAPI-0979: Version "{version}" is not valid for resource {type_}/{id_}')
    if record.deleted:
        raise deleted_error(workspace, record)
    return _response(workspace, record, request.filtered_output(), request.headers)


def _response(workspace: Workspace, record: Record, output: Output, headers: Mapping[str, str]) -> Response:
    """Return the answer to a read: the resource with its version in the headers, or 304."""
    tag = f'W/"{record.version}"'
    found = {
        "etag": tag,
        "content-location": f"{workspace.base}/{record.type}/{record.id}/_history/{record.version}",
        "last-modified": http_date(record.updated),
    }
    known = version_of(headers.get("if-none-match", ""))
    if known == str(record.version) or _not_modified_since(headers.get("if-modified-since", ""), record.updated):
        return Response(304, "")
    assert record.template is not None
    text = output.write_template(record.template, record.values)
    # without a narrative HAPI has nothing to show for `_summary=text`, and calls that nothing HTML
    content_type = "text/html;charset=UTF-8" if text == "null" else output.content_type
    return Response(200, text, found | {"content-type": content_type})


def _not_modified_since(text: str, updated: int) -> bool:
    try:
        return bool(text) and updated <= parsedate_to_datetime(text).timestamp() * 1000
    except (TypeError, ValueError):
        return False


def _check_parameters(request: Request) -> None:
    """Refuse what no read takes: any parameter that doesn't start with ``_``, and some that do.

    Raises:
        FhirError: HAPI's "does not know how to handle", or HAPI-0384.
    """
    names = request.params.names()
    if not all(name.startswith("_") for name in names):
        raise not_supported(request.sent_path, names)
    wrong = hash_order([n for n in dict.fromkeys(names) if n in _NOT_FOR_READS])
    if wrong:
        raise FhirError(400, f'HAPI-0384: Invalid query parameter(s) for this request: "[{", ".join(wrong)}]"')
