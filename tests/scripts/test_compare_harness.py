"""The official harness beside medenv, with a stand-in for a checkout: a task class, a grader and types of the same interface."""

import json
import sys
from pathlib import Path

import pytest

from scripts.compare_harness import main
from scripts.harness.official import HarnessError
from tests.protocol.checkouts import write_checkout

TYPINGS = """
from dataclasses import dataclass, field
from typing import Any

@dataclass
class AgentOutput:
    content: str
    status: str = "normal"

@dataclass
class ChatHistoryItem:
    role: str
    content: str

@dataclass
class TaskOutput:
    index: Any
    status: str
    result: Any
    history: list
"""
TASK = """
import json
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import urlopen

MedAgentBench_prompt = "{functions} {api_base} {context} {question}"
AGAIN = "Please call FINISH if you have got answers for all the questions and finished all the requested tasks"

class MedAgentBench:
    def __init__(self, name, concurrency, data_file, func_file, max_round, fhir_api_base):
        self.data, self.functions = json.load(open(data_file)), json.load(open(func_file))
        self.rounds, self.base = max_round, fhir_api_base

    async def start_sample(self, index, session):
        row = self.data[index]
        prompt = MedAgentBench_prompt.format(
            functions=json.dumps(self.functions), api_base=self.base, context=row["context"], question=row["instruction"]
        )
        session.inject({"role": "user", "content": prompt})
        for _ in range(self.rounds):
            said = (await session.action()).content.strip()
            if said.startswith("GET"):
                try:
                    with urlopen(said[3:].strip() + "&_format=json") as answer:
                        told = "Here is the response from the GET request:\\n" + answer.read().decode() + ". " + AGAIN
                except HTTPError as error:
                    told = f"Error in sending the GET request: {error}"
            elif said.startswith("POST"):
                told = f"POST request accepted and executed successfully. {AGAIN}"
            elif said.startswith("FINISH("):
                return SimpleNamespace(status="completed", result=said[len("FINISH("):-1])
            else:
                return SimpleNamespace(status="agent invalid action", result=None)
            session.inject({"role": "user", "content": told})
        return SimpleNamespace(status="task limit reached", result=None)
"""
GRADER = """
import json

def eval(row, output, base):
    assert output.history[0].role == "user" and base.endswith("/")
    try:
        return json.loads(output.result) == row["sol"] and WRONG is False
    except ValueError:
        return False
"""
ROWS = [
    {
        "id": f"task1_{number}",
        "instruction": f"What's the MRN of the patient with name {name} and DOB of 1970-01-02?",
        "context": "If there is none, answer Patient not found",
        "sol": [answer],
        **({"eval_MRN": answer} if answer == "S1" else {}),
    }
    for number, name, answer in [(1, "Ada Oakhurst", "S1"), (2, "Ben Nobody", "Patient not found")]
]
PATIENT = {
    "resourceType": "Patient",
    "id": "S1",
    "identifier": [{"value": "S1"}],
    "name": [{"family": "Oakhurst", "given": ["Ada"]}],
    "birthDate": "1970-01-02",
}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    folder = write_checkout(tmp_path / "checkout", ROWS)
    task = folder / "src" / "server" / "tasks" / "medagentbench"
    (folder / "src" / "typings.py").write_text(TYPINGS)
    (task / "__init__.py").write_text(TASK)
    (task / "eval.py").write_text(f"WRONG = False\n{GRADER}")
    (task / "refsol.py").write_text("")
    (tmp_path / "charts.ndjson").write_text(json.dumps(PATIENT) + "\n")
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder
    for name in set(sys.modules) - before:
        if name == "src" or name.startswith("src."):
            del sys.modules[name]


def compare(checkout, *more):
    return main([str(checkout), "--charts", str(checkout.parent / "charts.ndjson"), *more])


def test_rows_that_agree(checkout, capsys):
    assert compare(checkout, "--agents", "reference", "empty") == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "reference: 2 episodes, 2 pass in the harness, 2 in medenv, 0 differ",
        "empty: 2 episodes, 0 pass in the harness, 0 in medenv, 0 differ",
    ]


def test_a_row_that_differs_is_shown(checkout, capsys):
    (checkout / "src/server/tasks/medagentbench/eval.py").write_text(f"WRONG = True\n{GRADER}")
    assert compare(checkout, "--agents", "reference", "--rows", "1") == 1
    told = capsys.readouterr().out
    assert "reference task1_1 seed 0" in told
    assert told.endswith("reference: 1 episodes, 0 pass in the harness, 1 in medenv, 1 differ\n")


def test_a_checkout_without_graders_is_told(checkout):
    Path(checkout, "src/server/tasks/medagentbench/refsol.py").unlink()
    with pytest.raises(HarnessError, match="refsol"):
        compare(checkout)
