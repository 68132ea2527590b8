"""Operations that only read: ``$everything`` of a patient, ``$meta``.

Both give what a search could give in another form, and change nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from medenv.fhir import definitions
from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.filters import read_summary
from medenv.fhir.output import Output
from medenv.fhir.read.refusals import deleted_error, not_known
from medenv.fhir.read.response import bundle_headers
from medenv.fhir.request import Params, Request
from medenv.fhir.search.bundle import PAGE, Page, first_page, head, self_link
from medenv.fhir.search.conditions import ReferenceCondition
from medenv.fhir.search.execute import execute
from medenv.fhir.search.hits import ListedHits
from medenv.fhir.search.query import Search
from medenv.fhir.search.values import parse_date
from medenv.fhir.workspace import Workspace

__all__ = ["everything", "meta"]


def everything(workspace: Workspace, request: Request, id_: str, output: Output) -> Response:
    """Return a patient and all that is in the patient's compartment, or that of every patient.

    Args:
        workspace: Where.
        request: The request; ``_count`` and ``_type`` count, and ``_summary=count``. HAPI ignores ``_since``.
        id_: The Patient's id, ``""`` for all.
        output: The format of the answer.

    Raises:
        FhirError: No such patient, an unknown type in ``_type``, or a parameter that isn't what it must be.
    """
    params, raw, path = request.params, request.query, request.path.strip("/")
    _check_everything(params)
    kinds = [k for v in params.getlist("_type") for k in v.split(",") if k]
    for kind in kinds:
        if not definitions.is_resource(kind):
            raise FhirError(404, f"HAPI-2197: Unknown resource type '{kind}' in _type parameter.")
    if id_:
        patient = workspace.lookup("Patient", id_)
        if patient is None:
            raise not_known(workspace, "Patient", id_)
        if patient.deleted:
            raise deleted_error(workspace, patient)
        pids, targets = [patient.pid], [f"Patient/{id_}"]
    else:
        found = execute(workspace.chart, Search.of("Patient")).all()
        pids = [hit[0] for hit in found]
        targets = [f"Patient/{r.id}" for r in workspace.chart.records(pids).values()]
    count = _count(params)
    pids += sorted(_compartment(workspace, targets, kinds) - set(pids))
    bundle = workspace.new_bundle_id(path, raw)
    page = Page(ListedHits(pids), ())
    if output.elements is not None:  # they are the patient's, and nobody else's
        output = replace(output, elements=tuple(e if e[:1].isupper() else f"Patient.{e}" for e in output.elements))
    if read_summary(params)[0] == "count":
        top = head(bundle, workspace.now(), "searchset", len(pids), [])
        text = replace(output, summary="count").write_bundle(top, [])
        return Response(200, text, bundle_headers(workspace, output, bundle))
    links = self_link(workspace.base, path, params), params.get("_format") or None
    text, more = first_page(workspace.chart, page, count, links, output, workspace.now(), bundle)
    if more:
        workspace.pages.keep(bundle, page)
    return Response(200, text, bundle_headers(workspace, output, bundle))


def _check_everything(params: Params) -> None:
    """Refuse what HAPI can't read.

    Raises:
        FhirError: A number, a date, or a search of texts.
    """
    for value in params.getlist("_lastUpdated"):
        parse_date(value)
    for name in ("_content", "_text"):
        if params.get(name):
            text = f"Fulltext search is not enabled on this service, can not process parameter: {name}"
            raise FhirError(400, f"HAPI-1192: {text}")


def _count(params: Params) -> int:
    """Return how many resources a page has.

    Raises:
        FhirError: ``_count`` is no number of Java's.
    """
    text = params.first("_count") or ""
    if not text:
        return PAGE
    if not re.fullmatch(r"[+-]?\d{1,10}", text) or not -(2**31) <= int(text) < 2**31:
        raise FhirError(500, f'java.lang.NumberFormatException: For input string: "{text}"')
    return int(text) if int(text) > 0 else PAGE


def _compartment(workspace: Workspace, targets: list[str], kinds: list[str]) -> set[int]:
    found: set[int] = set()
    for kind, codes in definitions.patient_compartment().items():
        if kind == "Patient" or (kinds and kind not in kinds) or not workspace.chart.has_type(kind):
            continue
        parameters = definitions.search_parameters(kind)
        for code in codes:
            if code not in parameters:
                continue
            hits = execute(workspace.chart, Search.of(kind, ReferenceCondition(parameters[code], targets)))
            found.update(hit[0] for hit in hits.all())
    return found


def meta(workspace: Workspace, request: Request, type_: str = "", id_: str = "") -> Response:
    """Return the meta of a resource, or the tags, profiles and security labels in use.

    Raises:
        FhirError: The resource isn't known.
    """
    shown: dict[str, Any] = {}
    if id_:
        record = workspace.lookup(type_, id_)
        if record is None or record.deleted:
            raise not_known(workspace, type_, id_)
        shown = {k: v for k, v in record.resource.get("meta", {}).items() if k != "source"}
    else:
        for record in workspace.chart.all_versions():
            if (
                record.template is None
                or type_ not in ("", record.type)
                or len(record.template.tree.get("meta", ())) <= 3
            ):
                continue
            for name, values in record.resource["meta"].items():
                if isinstance(values, list):
                    kept = shown.setdefault(name, [])
                    kept += [v for v in values if v not in kept]
    parameter = {"name": "return", "valueMeta": shown} if shown else {"name": "return"}
    output = request.output
    body = output.write({"resourceType": "Parameters", "parameter": [parameter]})
    return Response(200, body, {"content-type": output.content_type})
