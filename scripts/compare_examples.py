#!/usr/bin/env python3
"""Put example resources to a running HAPI 7.6.0 and to the embedded server, and count where they differ.

Each example is posted alone, then in a transaction with those that it refers to, and what was stored is searched for by its own values. The
examples of HL7 are the npm package hl7.fhir.r4.examples: its folder is what this wants. The server must be empty. The exit code is 1 if
fewer than --least of the answers are equal.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

import httpx

from medenv.fhir import definitions
from scripts.examples.servers import Answer, Asked, Embedded, Hapi, comparable

DEEPEST = 3
"""How far a transaction follows references."""
MOST = 20
"""How many resources a transaction has."""
SEARCHES = 3
"""How many searches are made for an example."""


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: compare_examples.py package --server http://localhost:8090/fhir --show 20",
    )
    parser.add_argument("folder", type=Path, help="the folder with one JSON file an example")
    parser.add_argument("--server", required=True, metavar="URL", help="the base URL of an empty HAPI 7.6.0")
    parser.add_argument("--types", nargs="+", metavar="TYPE", help="these resource types only (default all)")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="every Nth example only (default 1)")
    parser.add_argument(
        "--show", type=int, default=0, metavar="N", help="print the first N differences of each way whole"
    )
    parser.add_argument(
        "--least", type=float, default=0.99, help="share of equal answers that is enough (default 0.99)"
    )
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Compare, print counts by way and the differences; returns how the program ends."""
    options = arguments().parse_args(given)
    examples = read_examples(options.folder)
    chosen = [name for name in examples if not options.types or name.split("/")[0] in options.types][:: options.step]
    if not chosen:
        print(f"{options.folder} holds no example of {options.types or 'any type'}", file=sys.stderr)
        return 2
    hapi, ours = Hapi(options.server), Embedded(options.server)
    try:
        if (hapi.send("GET", "Patient", params={"_summary": "count"}).body or {}).get("total") != 0:
            print(f"{options.server} isn't empty; start it anew", file=sys.stderr)
            return 2
        equal = total = 0
        for way, rows in (
            ("alone", alone(hapi, ours, examples, chosen)),
            ("transaction", together(hapi, ours, examples, chosen)),
            ("found", searched(hapi, ours, examples, chosen)),
        ):
            same, count = report(way, rows, options.show)
            equal, total = equal + same, total + count
    except httpx.HTTPError as error:
        print(f"{options.server} doesn't answer: {error!r}", file=sys.stderr)
        return 2
    print(f"equal: {equal} of {total} ({equal / total:.2%}), {len(chosen)} examples")
    return 0 if equal >= options.least * total else 1


def read_examples(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the resources in a folder by ``Type/id``, in the order of their names."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        resource = json.loads(path.read_text("utf-8"))
        if isinstance(resource, dict) and definitions.is_resource(str(resource.get("resourceType"))):
            found[f"{resource['resourceType']}/{resource.get('id', path.stem)}"] = resource
    return found


Row = tuple[str, Answer, Answer]


def alone(hapi: Asked, ours: Asked, examples: dict[str, dict[str, Any]], chosen: Sequence[str]) -> Iterator[Row]:
    """Post each example without its id; what was stored goes again, so that it stays out of the other ways."""
    for name in chosen:
        answers = []
        for server in (hapi, ours):
            kind = name.split("/")[0]
            answer = server.send("POST", kind, {k: v for k, v in examples[name].items() if k != "id"})
            if answer.status == 201:
                server.send("DELETE", f"{kind}/{answer.body['id']}")
            answers.append(answer)
        yield name, answers[0], answers[1]


def together(hapi: Asked, ours: Asked, examples: dict[str, dict[str, Any]], chosen: Sequence[str]) -> Iterator[Row]:
    """Post each example in a transaction with those that it refers to, then read all that it stored."""
    for name in chosen:
        names = around(examples, name)
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries_of(examples, names)}
        yield f"{name} and {len(names) - 1}", hapi.send("POST", "", bundle), ours.send("POST", "", bundle)
        for one in names:
            place = place_of(one)
            yield f"{name}: {one}", hapi.send("GET", place), ours.send("GET", place)


def place_of(name: str) -> str:
    """Return where an example is put: never under a number, which HAPI keeps for itself."""
    kind, _, id_ = name.partition("/")
    return f"{kind}/{f'x-{id_}'[:64]}"


def around(examples: dict[str, dict[str, Any]], name: str) -> list[str]:
    """Return an example's name and those of the examples that it leads to."""
    found, level = [name], [name]
    for _ in range(DEEPEST):
        level = [r for one in level for r in references(examples[one]) if r in examples and r not in found]
        found += list(dict.fromkeys(level))
    return found[:MOST]


def references(node: Any) -> Iterator[str]:
    """Yield the references in a resource, as written."""
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def entries_of(examples: dict[str, dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return a transaction's entries, whose resources have the ids, and whose references the places, under which they are put."""
    places = {name: place_of(name) for name in names}

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            made = {key: walk(value) for key, value in node.items()}
            if made.get("reference") in places:
                made["reference"] = places[made["reference"]]
            return made
        return [walk(value) for value in node] if isinstance(node, list) else node

    return [
        {
            "fullUrl": f"urn:example:{name}",
            "resource": {**walk(examples[name]), "id": place.partition("/")[2]},
            "request": {"method": "PUT", "url": place},
        }
        for name, place in places.items()
    ]


def searched(hapi: Asked, ours: Asked, examples: dict[str, dict[str, Any]], chosen: Sequence[str]) -> Iterator[Row]:
    """Search for examples by their own values."""
    for name in chosen:
        kind = name.split("/")[0]
        for params in queries(kind, examples[name]):
            answers = [server.send("GET", kind, params={**params, "_count": "200"}) for server in (hapi, ours)]
            rows = [found_by(answer) for answer in answers]
            yield f"{kind}?{params}", rows[0], rows[1]


def found_by(answer: Answer) -> Answer:
    """Return which resources a search found, or its refusal."""
    if answer.status != 200:
        return answer
    return Answer(200, sorted(entry["fullUrl"].rsplit("/", 1)[1] for entry in answer.body.get("entry", ())))


def queries(kind: str, resource: dict[str, Any]) -> list[dict[str, str]]:
    """Return searches that should find a resource: by elements that bear the name of a search parameter."""
    made = []
    for code, parameter in definitions.search_parameters(kind).items():
        value = resource.get(code.replace("-", ""), resource.get(code))
        first = value[0] if isinstance(value, list) and value else value
        text = value_of(parameter.type, first)
        if text and len(text) < 200:
            made.append({code: text})
    return made[:SEARCHES]


def value_of(type_: str, value: Any) -> str:
    """Return how a search names an element's value, ``""`` if it can't."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.replace(",", "\\,")
    if not isinstance(value, dict):
        return ""
    if type_ == "reference":
        return place_of(str(value["reference"])) if str(value.get("reference", "")).count("/") == 1 else ""
    if type_ == "string":
        return str(value.get("family", value.get("city", "")))
    coding = value.get("coding", [value])[0]
    text = coding.get("code", coding.get("value"))
    return f"{coding['system']}|{text}" if text and "system" in coding else str(text or "")


def report(way: str, rows: Iterator[Row], show: int) -> tuple[int, int]:
    """Compare a way's answers; prints its differences and how many are equal, and a line of progress every 30 s."""
    equal = total = shown = others = 0
    kinds: Counter[str] = Counter()
    told = time.monotonic()
    for name, theirs, own in rows:
        total += 1
        one, other = comparable(theirs.body), comparable(own.body)
        if theirs.status == own.status and one == other:
            equal += 1
        elif names_reference(theirs) and names_reference(own):
            equal += 1
            others += 1
        else:
            what = f"{theirs.status} and {own.status}" if theirs.status != own.status else where(one, other)
            kinds[f"{name.split('/')[0]}: {what}"] += 1
            if shown < show:
                shown += 1
                print(f"{way} {name}\n  HAPI {theirs.status} {cut(one, other)}\n  ours {own.status} {cut(other, one)}")
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"{way}: {total} answers, {equal} equal so far", file=sys.stderr)
    for kind, count in kinds.most_common(40):
        print(f"{count:6}  {kind}")
    told_of = f"; {others} of these refuse another of several references" if others else ""
    print(f"{way}: {equal} of {total} equal ({equal / max(1, total):.2%}){told_of}")
    return equal, total


def names_reference(answer: Answer) -> bool:
    """Return whether an answer refuses a reference; of several HAPI names the first in the order of a hash."""
    issues = (answer.body or {}).get("issue") if isinstance(answer.body, dict) else None
    return (
        bool(issues) and re.match(r"HAPI-(0507|1094|1095|1096|1097)\b", str(issues[0].get("diagnostics"))) is not None
    )


def where(one: Any, other: Any, path: str = "") -> str:
    """Return the path of the first element that differs."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *other]:
            if one.get(name) != other.get(name):
                return where(one.get(name), other.get(name), f"{path}.{name}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for mine, yours in zip(one, other, strict=True):
            if mine != yours:
                return where(mine, yours, path)
    return path.removeprefix(".") or "order"


def cut(one: Any, other: Any) -> str:
    """Return an answer's text from shortly before where it differs."""
    text, rest = json.dumps(one), json.dumps(other)
    at = next((i for i, (a, b) in enumerate(zip(text, rest, strict=False)) if a != b), min(len(text), len(rest)))
    return text[max(0, at - 120) : at + 280]


if __name__ == "__main__":
    sys.exit(main())
