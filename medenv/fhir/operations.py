"""Operations that only read: ``$everything`` of a patient, ``$meta``.

Both give what a search could give in another form, and change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medenv.fhir import definitions
from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.output import Output
from medenv.fhir.reading import deleted_error, not_known
from medenv.fhir.search.bundle import PAGE, Page, first_page
from medenv.fhir.search.conditions import ReferenceCondition
from medenv.fhir.search.engine import ListedHits, find
from medenv.fhir.search.query import Search
from medenv.fhir.search.ranges import DateCondition
from medenv.fhir.search.values import parse_date

if TYPE_CHECKING:
    from medenv.fhir.session import EmbeddedSession

__all__ = ["everything", "meta"]


def _first(params: list[tuple[str, str]], name: str) -> str:
    return next((v for n, v in params if n == name), "")


def everything(
    session: EmbeddedSession, id_: str, params: list[tuple[str, str]], output: Output, path: str, raw: str
) -> Response:
    """A patient and all that is in the patient's compartment, or that of every patient.

    Args:
        session: The session.
        id_: The Patient's id, ``""`` for all.
        params: The request's parameters; ``_count``, ``_type`` and ``_since`` count.
        output: The form of the answer.
        path: The request's path.
        raw: Its query string as sent.

    Raises:
        FhirError: No such patient, or an unknown type in ``_type``.
    """
    kinds = [k for n, v in params if n == "_type" for k in v.split(",") if k]
    for kind in kinds:
        if not definitions.is_resource(kind):
            raise FhirError(404, f"HAPI-2197: Unknown resource type '{kind}' in _type parameter.")
    if id_:
        patient = session.lookup("Patient", id_)
        if patient is None:
            raise not_known(session, "Patient", id_)
        if patient.deleted:
            raise deleted_error(session, patient)
        pids, targets = [patient.pid], [f"Patient/{id_}"]
    else:
        found = find(session.chart, Search("Patient", [])).all()
        pids = [hit[0] for hit in found]
        targets = [f"Patient/{r.id}" for r in session.chart.records(pids).values()]
    pids += sorted(_compartment(session, targets, kinds, _first(params, "_since")) - set(pids))
    bundle = session.new_bundle_id(path, raw)
    page = Page(ListedHits(pids), ())
    count = _count(params)
    self_link = f"{session.base}/{path}" + (f"?{raw}" if raw else "")
    text, more = first_page(session.chart, page, count, self_link, output, session.now(), bundle)
    if more:
        session.remember(bundle, page)
    return Response(200, text, session.bundle_headers(output, bundle))


def _count(params: list[tuple[str, str]]) -> int:
    text = _first(params, "_count")
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 2**31 else PAGE


def _compartment(session: EmbeddedSession, targets: list[str], kinds: list[str], since: str) -> set[int]:
    found: set[int] = set()
    for kind, codes in definitions.patient_compartment().items():
        if kind == "Patient" or (kinds and kind not in kinds) or not session.chart.has_type(kind):
            continue
        parameters = definitions.search_parameters(kind)
        for code in codes:
            if code not in parameters:
                continue
            search = Search(kind, [], [ReferenceCondition(parameters[code], targets)])
            if since:
                search.conditions.append(DateCondition(parameters["_lastUpdated"], [parse_date(f"ge{since}")]))
            found.update(hit[0] for hit in find(session.chart, search).all())
    return found


def meta(session: EmbeddedSession, type_: str, id_: str, output: Output) -> Response:
    """The meta of a resource, or the tags, profiles and security labels in use.

    Raises:
        FhirError: The resource isn't known.
    """
    shown: dict[str, Any] = {}
    if id_:
        record = session.lookup(type_, id_)
        if record is None or record.deleted:
            raise not_known(session, type_, id_)
        shown = {k: v for k, v in record.resource.get("meta", {}).items() if k != "source"}
    else:
        for record in session.chart.all_versions():
            if record.shape is None or type_ not in ("", record.type) or len(record.shape.tree.get("meta", ())) <= 3:
                continue
            for name, values in record.resource["meta"].items():
                if isinstance(values, list):
                    kept = shown.setdefault(name, [])
                    kept += [v for v in values if v not in kept]
    parameter = {"name": "return", "valueMeta": shown} if shown else {"name": "return"}
    body = output.write({"resourceType": "Parameters", "parameter": [parameter]})
    return Response(200, body, {"content-type": output.content_type})
