"""The builtin split on the embedded server: the reference gets there by the server's own answers alone."""

from __future__ import annotations

import json

import pytest

from medenv.fhir import EmbeddedBackend
from medenv.tasks import TYPES, load_split
from tests.tasks.sources import parsed

TURNS = 8


@pytest.fixture(scope="module")
def split():
    return load_split("builtin")


@pytest.fixture(scope="module")
def backend(split):
    with EmbeddedBackend.from_resources(split.resources()) as backend:
        yield backend


def play(task, session) -> list[str]:
    """Run the reference with a session as its world."""
    actions = []
    solution = TYPES[task.type].solve(task)
    try:
        action = next(solution)
        while True:
            actions.append(action)
            verb, _, rest = action.partition(" ")
            if verb == "GET":
                response = session.get(rest)
            elif verb == "POST":
                url, _, body = rest.partition("\n")
                response = session.post(url, body)
            else:
                response = None
            assert response is None or response.ok, (task.id, action, response.body)
            action = solution.send(response.body if response else "")
    except StopIteration:
        return actions


@pytest.mark.parametrize("number", TYPES)
def test_the_reference_acts_as_the_chart_demands(split, backend, number):
    known = TYPES[number]
    for task in split.of_type(number):
        with backend.open() as session:
            query = known.reference_query(task)
            entries = json.loads(session.get(query).body).get("entry", []) if query else []
            gold = known.gold(task, [entry["resource"] for entry in entries])
            assert gold.branch == task.branch, task.id
            actions = play(task, session)
        posts = [json.loads(action.split("\n", 1)[1]) for action in actions if action.startswith("POST")]
        assert posts == list(gold.orders), task.id
        assert actions[-1] == f"FINISH({json.dumps(list(gold.answer))})", task.id
        assert len(actions) <= TURNS


def test_charts_load_as_they_were_made(split, backend):
    made = {f"{one['resourceType']}/{one['id']}": one for one in parsed(split.resources())}
    with backend.open() as session:
        for url in list(made)[::400]:
            stored = json.loads(session.get(url).body)
            assert list(stored) == list(made[url]), url
            assert stored["meta"] == made[url]["meta"]
