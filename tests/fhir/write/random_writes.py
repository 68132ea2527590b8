"""Random writes: the recorded payloads with a few of their values replaced by what agents and careless clients send."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

from tests.fhir import recordings

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 5, 1.5, 4.0, "", " ", "x", "2", "2 g", "é", [], {}, [None], ["x"], ["x", "y"], [[]], [{}]),
    *("2023", "2023-11", "2023-11-13", "2023-11-13T10:15:00", "2023-11-13T10:15:00Z", "2023-11-13 10:15", "13/11/2023"),
    *("active", "final", "completed", "done", "order", "plan", "stat", "urgent", "STAT"),
    *({"text": "t"}, [{"text": "t"}], {"value": 1}, {"value": "1.50"}, {"a": 1}, {"coding": {"code": "c"}}),
    *(
        {"reference": "Patient/nope"},
        {"reference": "nope"},
        {"reference": "Encounter/1"},
        {"reference": "#c"},
        {"display": "d"},
    ),
    *({"extension": [{"url": "http://x", "valueString": "y"}]}, {"extension": [{"url": "http://x"}]}),
)
_NAMES = (
    "note",
    "foo",
    "_status",
    "valueString",
    "valueQuantity",
    "extension",
    "category",
    "language",
    "performer",
    "value",
)


def payloads(seed: int) -> list[tuple[str, str]]:
    """The recorded payloads that HAPI took and that are plain JSON, as type and text, shuffled."""
    taken = (r for r in recordings.rows("writes") if r["status"] == 201 and r["payload"].startswith('{"'))
    found = [(r["request"].removeprefix("POST "), r["payload"]) for r in taken]
    Random(seed).shuffle(found)
    return found


def mutate(text: str, random: Random) -> str:
    """Replace, add or drop one to three values of a payload."""
    tree = json.loads(text)
    for _ in range(random.randint(1, 3)):
        places = list(_places(tree))
        holder, key = random.choice(places)
        chance = random.random()
        if chance < 0.7:
            holder[key] = copy.deepcopy(random.choice(_VALUES))
        elif chance < 0.85 and isinstance(holder, dict):
            holder[random.choice(_NAMES)] = copy.deepcopy(random.choice(_VALUES))
        elif isinstance(holder, dict) and key != "resourceType":
            del holder[key]
    return json.dumps(tree, ensure_ascii=random.random() < 0.5)


def _places(tree: Any) -> Any:
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(members):
        yield tree, key
        yield from _places(value)


def random_writes(seed: int, count: int) -> list[tuple[str, str]]:
    """Random creates: resource type and payload."""
    random = Random(seed)
    sound = payloads(seed)
    return [(type_, mutate(text, random)) for type_, text in (random.choice(sound) for _ in range(count))]
