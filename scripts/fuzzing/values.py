"""Odd URLs, payloads, answers and JSON: well-formed ones with a part that nobody means."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import Any
from urllib.parse import quote

from medenv.tasks import Task

__all__ = ["answer", "body", "odd_text", "some_json", "url"]

_CHARACTERS = (
    *("\0", "\x1f", "\x7f", "\u0085", "\u00a0", "\u2028", "\u200b", "\u202e", "\ufeff", "\ufffd", "\ud800", "\udfff"),
    *("\\", "/", "//", "://", "?", "??", "#", "%", "%%", "%2", "%2f", "%00", "%ff", "%c3%28", "%252e", "&", "=", ";"),
    *(
        "|",
        "$",
        "^",
        "~",
        "..",
        ".",
        "../",
        "*",
        ":",
        ",",
        "'",
        '"',
        "`",
        "```",
        "<",
        ">",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
    ),
    *(
        "\\u",
        "\\ud800",
        "\r\n",
        "\n\n",
        "²",
        "٣",
        "é",
        "e\u0301",
        "ß",
        "İ",
        "\U0001f600",
        "日本",
        "-",
        "--",
        "_",
        "+",
        " ",
    ),
    *("\t", "%s", "%(x)s", "{0}", "${x}", "NaN", "null"),
)
_TYPES = ("Patient", "Observation", "MedicationRequest", "ServiceRequest", "Condition", "Procedure", "Basic", "Foo")
_NAMES = (
    *("patient", "subject", "code", "date", "_id", "_sort", "_count", "_offset", "_format", "_summary", "_elements"),
    *(
        "_total",
        "_lastUpdated",
        "identifier",
        "name",
        "family",
        "given",
        "birthdate",
        "category",
        "status",
        "foo",
        "_foo",
    ),
    *("value-quantity", "combo-code", "_include", "_revinclude", "_has:Observation:patient:code", "patient.name"),
    *("code:text", "code:not", "date:missing", "_getpages", "_getpagesoffset", "_bundletype", "_filter", "_list"),
    *("_content", "_at", "_since", "_pretty", "general-practitioner", "subject:Patient", "$x"),
)
_VALUES = (
    *(
        "K",
        "MG",
        "GLU",
        "A1C",
        "http://loinc.org|2823-3",
        "|",
        "a|b|c",
        "active,completed",
        "ge2023-11-12",
        "2023",
        "lt",
    ),
    *("ap2023-11", "true", "vital-signs", "laboratory", "-date", "-_lastUpdated,_id", "json", "xml", "text", "count"),
    *("application/fhir+xml", "data", "0", "1", "50", "Patient:link", "*", "gt4.0|http://x|mg", "5", "1e3", "1e400"),
    *("1e999999999", "-1", "S", "Smith", "20"),
)
_PATHS = (
    *("{type}", "{type}", "{type}", "{type}/{id}", "{type}/{id}/_history", "{type}/{id}/_history/1", "{type}/_search"),
    *("", "/", "Patient/{id}/$everything", "{type}/{id}/$meta", "metadata", "{type}/{id}/{type}", "$x", "Bundle"),
    *("{type}/http://x", "http://x", "//x/y", "\\\\x", "x://y/{type}", "{type}/../{type}", "./{type}", "../{type}"),
    *("/fhir/{type}", "{type}//{id}", "http://localhost:8080/fhir/{type}", "http://localhost:8080/fhir//http://x"),
    *("http://localhost:8080/{type}", "file:///etc/passwd"),
)
_WHOLE = ("{type}/_history", "_history", "Patient/$everything", "$meta", "{type}/$meta", "{type}?_count=20000")
"""What answers with the whole server, and so takes seconds."""
_LEAVES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2.1, 1e308, -0.0, 2**31, 2**63, 2**64, 10**30, "", " ", "x", "2.1", "2 g", "final"),
    *("active", "2023-11-13T10:15:00+00:00", "2023", "9999-12-31", "0000-01-01", [], {}, [[]], [{}], [None], [2.1]),
    *({"value": 2.1}, {"a": {"b": []}}, {"reference": "Patient/nope"}, {"reference": "#x"}, {"coding": [{}]}),
    {"extension": [{"url": "x", "valueString": "y"}]},
)
_RAW = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e-999",
        "0x1",
        "01",
        "1.",
        ".5",
        "+1",
        "1E5",
        "'x'",
        "undefined",
        "None",
    ),
    *("True", "[1,]", "//c", '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\x"', '"unclosed', "{'a': 1}", "{a:1}"),
    *('{"a":1,"a":2}', "[", "{", "]", "}", "/**/1"),
)
_LONG = (
    *("9" * 5000, '"' + "9" * 5000 + '"', "-" + "9" * 400, "0." + "3" * 5000, "1" + "0" * 5000 + "e-5000", "[" * 2000),
    *("[" * 900 + "]" * 900, '{"a":' * 300 + "1" + "}" * 300, "[" * 95 + "]" * 95, '"' + "x" * 20_000 + '"'),
    *(" " * 5000 + "1", '{"resourceType":' * 1200),
)
_RARELY = 0.003
_LONG_ONES = 0.01
"""How often a value is one of the long: they cost more than all others together."""


def odd_text(random: Random) -> str:
    """Make a text of a few characters that seldom stand in a reply, now and then of thousands."""
    if random.random() < _LONG_ONES:
        return random.choice(("9" * 5000, "x" * 9000, "\n" * 3000, "/" * 3000, "%41" * 3000, "é" * 3000))
    return "".join(random.choice(_CHARACTERS) for _ in range(random.choice((1, 1, 2, 5))))


def url(random: Random, mrn: str | None, piece: str) -> str:
    """Make a URL with odd ids and parameters, mostly relative to the server's base."""
    patient = mrn or "S0000000"
    ids = (patient, patient, "1", "9" * 19, "²", "_x", odd_text(random), piece[:30])
    paths = _WHOLE if random.random() < _RARELY else _PATHS
    path = random.choice(paths).format(type=random.choice(_TYPES), id=random.choice(ids))
    pairs = []
    while random.random() < 0.6:
        name, value = (
            random.choice(_NAMES),
            random.choice((*_VALUES, patient, patient, f"Patient/{patient}", odd_text(random), piece[:40])),
        )
        pairs.append(f"{name}={quote(value, errors='replace') if random.random() < 0.2 else value}")
    text = path + ("?" + "&".join(pairs) if pairs else "")
    if random.random() < 0.15:
        at = random.randint(0, len(text))
        text = text[:at] + odd_text(random) + text[at:]
    return text


def some_json(random: Random) -> str:
    """JSON, or what is nearly that."""
    chance = random.random()
    if chance < _LONG_ONES:
        return random.choice(_LONG)
    if chance < 0.2:
        return random.choice(_RAW)
    return json.dumps(_tree(random, 3))


def _tree(random: Random, depth: int) -> Any:
    if not depth or random.random() < 0.4:
        return random.choice((*_LEAVES, odd_text(random)))
    if random.random() < 0.5:
        return [_tree(random, depth - 1) for _ in range(random.randint(0, 3))]
    names = (
        *_NAMES,
        "resourceType",
        "id",
        "meta",
        "value",
        "answers",
        "next_page",
        "patient",
        "entry",
        odd_text(random),
    )
    return {random.choice(names): _tree(random, depth - 1) for _ in range(random.randint(0, 3))}


def answer(random: Random, piece: str) -> str:
    """Make a text to stand between FINISH's parentheses, mostly JSON."""
    chance = random.random()
    if chance < 0.3:
        return json.dumps(random.choice(([], [-1], [2.1], [120], ["S0000001"], [5.4, "2023-11-12T00:00:00+00:00"])))
    if chance < 0.6:
        return "[" + ", ".join(some_json(random) for _ in range(random.randint(0, 3))) + "]"
    if chance < 0.8:
        return some_json(random)
    return random.choice((piece, f"[{piece}]", json.dumps([piece]), piece[:5] + odd_text(random)))


def body(random: Random, task: Task, piece: str) -> str:
    """Make a payload: an order, whole or with a few parts replaced, in a Bundle or not; or anything else."""
    chance = random.random()
    if chance < 0.1:
        return some_json(random)
    if chance < 0.15:
        return piece
    resource = _order(random, task)
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        _replace_somewhere(random, resource)
    tree = _bundle(random, resource) if random.random() < 0.2 else resource
    text = json.dumps(tree, ensure_ascii=random.random() < 0.5)
    if random.random() < 0.25:
        # A part that json.dumps would never write.
        raw = random.choice(_LONG) if random.random() < 10 * _LONG_ONES else random.choice(_RAW)
        old = random.choice((f'"{task.mrn}"', '"active"', '"final"', '"order"', '"value"', "1", '"text"', "{"))
        text = text.replace(old, raw, 1)
    return text


def _order(random: Random, task: Task) -> dict[str, Any]:
    subject = {"reference": f"Patient/{task.mrn or 'S0000000'}"}
    code = {"coding": [{"system": "http://loinc.org", "code": "2823-3", "display": "K"}], "text": "K"}
    dose = {"doseQuantity": {"value": 2, "unit": "g"}, "rateQuantity": {"value": 2, "unit": "h"}}
    common = {"status": "active", "intent": "order", "subject": subject, "authoredOn": task.now}
    made: tuple[dict[str, Any], ...] = (
        {"resourceType": "ServiceRequest", **common, "code": code, "priority": "stat", "note": [{"text": "x"}]},
        {
            "resourceType": "MedicationRequest",
            **common,
            "medicationCodeableConcept": {
                "coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "0338-1715-40"}]
            },
            "dosageInstruction": [{"route": {"text": "IV"}, "doseAndRate": [dose], "timing": {"repeat": {"count": 1}}}],
        },
        {
            "resourceType": "Observation",
            "status": "final",
            "subject": subject,
            "category": [{"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "vital-signs"}]}],
            "code": {"text": "BP"},
            "effectiveDateTime": task.now,
            "valueString": "118/77 mmHg",
            "component": [{"code": code, "valueQuantity": {"value": 118, "unit": "mm[Hg]"}}],
        },
        {
            "resourceType": "Basic",
            "id": "x",
            "meta": {"versionId": "7"},
            "code": code,
            "extension": [{"url": "u", "valueDecimal": 1}],
        },
    )
    return random.choice(made)


def _replace_somewhere(random: Random, tree: dict[str, Any]) -> None:
    holder: Any = tree
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = random.choice(keys)
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and random.random() < 0.7:
            holder = inner
            continue
        chance = random.random()
        if chance < 0.8 or not isinstance(holder, dict):
            holder[key] = deepcopy(random.choice((*_LEAVES, odd_text(random))))
        elif chance < 0.9:
            del holder[key]
        else:
            names = (
                "modifierExtension",
                "doNotPerform",
                "_status",
                "valueQuantity",
                "contained",
                "id",
                "language",
                odd_text(random),
            )
            holder[random.choice(names)] = deepcopy(random.choice((*_LEAVES, odd_text(random))))
        return


def _bundle(random: Random, resource: dict[str, Any]) -> dict[str, Any]:
    def entry() -> dict[str, Any]:
        place = random.choice(
            (str(resource.get("resourceType")), "Basic/x", "Basic/..", "Patient/http://x", "Basic/" + "9" * 30)
        )
        method = random.choice(("POST", "POST", "PUT", "GET", "DELETE", "PATCH", "HEAD", "x", ""))
        request: dict[str, Any] = {"method": method, "url": place if random.random() < 0.8 else odd_text(random)}
        if random.random() < 0.1:
            request["ifNoneExist"] = random.choice(("identifier=x", "birthdate=" + "9" * 30, "&&", odd_text(random)))
        return {
            "fullUrl": random.choice(("urn:uuid:1", "urn:uuid:2", "", odd_text(random))),
            "resource": resource,
            "request": request,
        }

    kind = random.choice(("transaction", "transaction", "batch", "history", "searchset", odd_text(random)))
    return {"resourceType": "Bundle", "type": kind, "entry": [entry() for _ in range(random.randint(0, 3))]}
