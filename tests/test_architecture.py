"""ARCHITECTURE.md is true: its walks go where it says, in that order, and the packages it draws are those of the layer contract."""

import asyncio
import importlib
import inspect
import json
import re
import sys
import threading
from pathlib import Path

import pytest

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.rollouts import LocalEngine, Plan, RunFolder, collect
from medenv.rollouts.export import export

PAGE = Path(__file__).parent.parent / "ARCHITECTURE.md"
NAME = re.compile(r"`(medenv[\w.]*):([\w.]+)`")


def text():
    return PAGE.read_text("utf-8")


def walk(name):
    """The stops of a walk: module and qualified name."""
    part = text().split(f"<!-- walk: {name} -->")[1].split("<!--")[0].split("\n## ")[0]
    return [NAME.search(line).groups() for line in part.splitlines() if re.match(r"\d+\. ", line)]


def code_of(module, name):
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return inspect.unwrap(found).__code__  # parsed searches are kept


def passed_by(act):
    """The code objects that a call runs for the first time, in order; generators count when they are first asked."""
    seen = {}

    def note(frame, event, _):
        if event == "call":
            seen.setdefault(frame.f_code, len(seen))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return seen


def check(name, act):
    stops = walk(name)
    assert 5 <= len(stops) <= 10
    codes = [code_of(*stop) for stop in stops]
    seen = passed_by(act)
    missed = [stop for stop, code in zip(stops, codes, strict=True) if code not in seen]
    assert not missed
    places = [seen[code] for code in codes]
    assert places == sorted(places), "in this order"


@pytest.fixture
def episode():
    with Benchmark(split="builtin") as benchmark:
        task = next(one for one in benchmark.tasks if one.type == 9)
        yield benchmark.start(task)


def test_where_a_get_goes(episode):
    check("get", lambda: episode.step(f"GET Observation?patient={episode.task.mrn}&code=K&_count=3&date=ge2001"))


def test_where_a_post_goes(episode):
    order = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "potassium"},
        "subject": {"reference": f"Patient/{episode.task.mrn}"},
    }
    check("post", lambda: episode.step(f"POST MedicationRequest\n{json.dumps(order)}"))


def test_where_an_episode_becomes_a_row(tmp_path):
    def act():
        policy = load("reference")
        with Benchmark(split="train") as benchmark:
            plan = Plan(list(benchmark.tasks[:2]), 0, 1)
            settings = {"agent": policy.describe(), "split": "train", "seed": 0}
            with RunFolder(tmp_path / "run", settings, options={"agent": "reference", "split": "train"}) as run:
                asyncio.run(collect(plan, LocalEngine(benchmark, policy), run, set(), lambda one: None))
        export("sft", [tmp_path / "run"], tmp_path / "rows")

    check("row", act)


def test_the_packages_drawn_are_the_layers():
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    contracts = tomllib.loads((PAGE.parent / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")
    drawn = re.findall(r"^  (\w+) ", text().split("```")[1], re.MULTILINE)
    assert drawn == [name.removeprefix("medenv.") for name in layers if name.count(".") == 1]


def test_every_name_and_path_is_there():
    for module, name in NAME.findall(text()):
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    for path in re.findall(r"`(medenv/[\w/.]+)`", text()):
        assert (PAGE.parent / path).exists(), path
