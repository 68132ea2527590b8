"""The official protocol on a stand-in checkout: prompt, and ten scripted dialogues' replies, ends and statuses."""

import json

import pytest

from medenv.episode import Benchmark, Episode
from medenv.fhir import EmbeddedBackend
from medenv.protocol import Status
from medenv.protocol.official import OfficialInstructions
from medenv.tasks import Task
from medenv.tasks.official import TaskFileError

BASE = "http://localhost:8080/fhir"
GO_ON = "Please call FINISH if you have got answers for all the questions and finished all the requested tasks"
ACCEPTED = f"POST request accepted and executed successfully. {GO_ON}"
FUNCTIONS = [{"name": "GET {api_base}/Patient", "description": "find \u00e9"}]
SOURCE = '''
import nothing_of_this_name  # the file is read, never run
raise SystemExit("run")

OTHER = f"{1}"
MedAgentBench_prompt = """Role. One of {{GET, POST}}.
{functions}
Use {api_base}.
Context: {context}
Question: """ "{question}"
'''
ROWS = [
    {"id": "task2_1", "instruction": "How old is S1?", "context": "It is 2023.", "eval_MRN": "S1"},
]
PATIENT = {"resourceType": "Patient", "id": "S1", "gender": "male"}


@pytest.fixture
def checkout(tmp_path):
    source = tmp_path / "src" / "server" / "tasks" / "medagentbench"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(SOURCE, encoding="utf-8")
    data = tmp_path / "data" / "medagentbench"
    data.mkdir(parents=True)
    (data / "test_data_v2.json").write_text(json.dumps(ROWS))
    (data / "funcs_v1.json").write_text(json.dumps(FUNCTIONS))
    return tmp_path


@pytest.fixture
def episode(checkout):
    with EmbeddedBackend.from_resources([PATIENT]) as backend:
        task = Task("task2_1", 2, "How old is S1?", "It is 2023.", "S1", "official", None, params={})
        yield Episode(task, backend.open(), "official", instructions=OfficialInstructions.read(checkout))


def test_the_prompt_is_the_checkouts(episode):
    assert episode.prompt == (
        f"Role. One of {{GET, POST}}.\n{json.dumps(FUNCTIONS)}\nUse {BASE}/.\nContext: It is 2023.\nQuestion: How old is S1?"
    )
    assert "{api_base}" in episode.prompt
    assert episode.trajectory().provenance["prompt"] == episode.prompt_hash != ""


POST = f"POST {BASE}/Observation\n" + json.dumps(
    {"resourceType": "Observation", "subject": {"reference": "Patient/S1"}}
)
SEARCH = f"GET {BASE}/Patient?_id=S1"
FOUND = "Here is the response from the GET request:\n"
REFUSED = "Error in sending the GET request: "
RUNNING, COMPLETED = Status.RUNNING, Status.COMPLETED

DIALOGUES = {
    "a search and an answer": ([SEARCH, "FINISH([54])"], [FOUND, ""], COMPLETED, "[54]"),
    "a read without question mark": (
        [f"GET {BASE}/Patient/S1", "FINISH([])"],
        [f"{REFUSED}404 Client Error:  for url: {BASE}/Patient/S1&_format=json", ""],
        COMPLETED,
        "[]",
    ),
    "a bad request": (
        [f"GET {BASE}/Patient?legal-sex=F|M", "FINISH([])"],
        [f"{REFUSED}400 Client Error:  for url: {BASE}/Patient?legal-sex=F%7CM&_format=json", ""],
        COMPLETED,
        "[]",
    ),
    "a post in a fence": ([f"```tool_code\n{POST}\n```", "FINISH([])"], [ACCEPTED, ""], COMPLETED, "[]"),
    "a post that is no JSON, then one that is": (
        [f"POST {BASE}/Observation\n{{'a': 1}}", POST, "FINISH([])"],
        ["Invalid POST request", ACCEPTED, ""],
        COMPLETED,
        "[]",
    ),
    "a post to anywhere": (["POST nowhere\n[]", "FINISH()"], [ACCEPTED, ""], COMPLETED, ""),
    "text after the answer": (["FINISH([2.7]) done"], [""], COMPLETED, "[2.7]) don"),
    "no action": ([SEARCH, "I think 54."], [FOUND, None], Status.INVALID_ACTION, None),
    "the turns used up": ([POST] * 8, [ACCEPTED] * 8, Status.TURN_LIMIT, None),
    "other hosts, and no host": (
        ["GET http://example.org/x", "GET Patient?_id=S1", "FINISH([1])"],
        [REFUSED, f"{REFUSED}Invalid URL 'Patient?_id=S1&_format=json': No scheme supplied. ", ""],
        COMPLETED,
        "[1]",
    ),
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogues(name, episode):
    said, replies, status, result = DIALOGUES[name]
    for text, reply in zip(said, replies, strict=True):
        transition = episode.step(text)
        if reply is not None:
            assert transition.observation.startswith(reply)
            assert bool(transition.observation) == bool(reply)
        if reply == FOUND:
            body = transition.observation.removeprefix(FOUND).removesuffix(f". {GO_ON}")
            assert body == transition.response.body
            assert json.loads(body)["entry"][0]["resource"]["id"] == "S1"
    assert (episode.status, episode.result) == (status, result)
    trajectory = episode.trajectory()
    assert [turn.text for turn in trajectory.turns] == said
    assert trajectory.changes == (), "a POST is acknowledged, not sent"


def test_only_absolute_urls_of_this_server_are_sent(episode):
    class AskedError(Exception):
        pass

    def request(*_args, **_more):
        raise AskedError

    episode.session.request = request
    for url in (
        "http://example.org/fhir/Patient?a=b",
        "file:///etc/passwd",
        "//localhost:8080/fhir/Patient?x",
        "Patient",
    ):
        assert episode.step(f"GET {url}").observation.startswith(REFUSED)
    with pytest.raises(AskedError):
        episode.step(SEARCH)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = 1", "defines no MedAgentBench_prompt"),
        ("MedAgentBench_prompt = open('x').read()", "not a plain string"),
        ("MedAgentBench_prompt = '{question} {other}'", "not a template"),
        ("MedAgentBench_prompt = '{'", "not a template"),
        ("def", "can't be read as Python"),
    ],
)
def test_another_source_is_told(checkout, source, problem):
    (checkout / "src/server/tasks/medagentbench/__init__.py").write_text(source)
    with pytest.raises(TaskFileError, match=problem):
        OfficialInstructions.read(checkout)


def test_a_folder_without_prompt_is_told(checkout):
    with pytest.raises(TaskFileError, match=r"no such file.*checkout"):
        OfficialInstructions.read(checkout / "data" / "medagentbench")


def test_a_benchmark_plays_the_official_rows(checkout, tmp_path):
    charts = tmp_path / "charts.ndjson"
    charts.write_text(json.dumps(PATIENT | {"birthDate": "2000-01-01", "identifier": [{"value": "S1"}]}))
    with Benchmark("official", official=checkout, charts=charts, protocol="official") as benchmark:
        episode = benchmark.start(benchmark.tasks.task("task2_1"))
        episode.step("GET http://localhost:8080/fhir/Patient?identifier=S1")
        episode.step("FINISH([23])")
        trajectory = benchmark.finish(episode)
    assert trajectory.protocol == "official"
    assert trajectory.verdict["score"] == 1.0
