"""The official protocol on a stand-in checkout: prompt, and ten scripted dialogues' replies, ends and statuses."""

import json

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from medenv.episode import Benchmark, Episode
from medenv.fhir import BackendError, EmbeddedBackend
from medenv.protocol.official import OfficialInstructions, official_target
from medenv.protocol.urls import ForeignURLError, as_requested
from medenv.tasks import Task
from medenv.tasks.official import TaskFileError
from medenv.trajectories import Status
from tests.protocol.checkouts import FUNCTIONS, write_checkout

pytestmark = pytest.mark.quick

BASE = "http://localhost:8080/fhir"
GO_ON = "Please call FINISH if you have got answers for all the questions and finished all the requested tasks"
ACCEPTED = f"POST request accepted and executed successfully. {GO_ON}"
PATIENT = {"resourceType": "Patient", "id": "S1", "gender": "male"}


@pytest.fixture
def checkout(tmp_path):
    return write_checkout(tmp_path)


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
    class AskedError(BackendError):
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


def said_by_requests(url):
    """What the client that the harness uses says of a URL before it looks for its host; None if it would look."""
    try:
        prepared = requests.Request("GET", f"{url}&_format=json").prepare()
        requests.Session().get_adapter(prepared.url)
    except requests.RequestException as error:
        # What follows differs between versions of urllib3.
        return UNREADABLE if str(error).startswith(UNREADABLE) else str(error)
    return None


UNREADABLE = "Failed to parse: "


def refused(url):
    """What medenv says of it; None if it is asked."""
    try:
        official_target(url, BASE)
    except ForeignURLError as refusal:
        return UNREADABLE if str(refusal).startswith(UNREADABLE) else str(refusal)
    return None


@pytest.mark.parametrize(
    "url",
    [
        "Patient",
        "/Patient?name=x",
        "Observation?patient=S1&date=ge2023-11-12T10:15:00+00:00",
        "localhost:8080/fhir/Patient?_id=S1",
        "//localhost:8080/fhir/Patient?_id=S1",
        "//localhost/fhir/Patient",
        "{api_base}/Patient?_id=S1",
        "ftp://localhost:8080/fhir/Patient",
        "file:///etc/passwd",
        "httpx://localhost:8080/fhir/Patient",
        "http:/localhost:8080/fhir/Patient",
        "http:///fhir/Patient",
        "http://:8080/fhir/Patient",
        "http://?x",
        "http:Patient",
        "http",
        "http://.localhost/fhir",
        "http://*/fhir",
        "http://localhost:99999/fhir/Patient",
        "http://localhost:port/fhir/Patient",
        "http://[::1/fhir",
        "",
    ],
)
def test_a_url_that_cannot_be_sent_is_refused_in_the_words_of_requests(url):
    assert refused(url) == said_by_requests(url) is not None


PIECES = ["http", "https", "ftp", ":", "/", "//", "?", "=", "&", "x", "Patient", "localhost", "8080", "..", "@", "%2e"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, f"{BASE}/"]), max_size=8).map("".join))
def test_any_url_is_sent_or_refused_as_by_requests(url):
    said, expected = refused(url), said_by_requests(url)
    if said is None:
        assert expected is None
        assert as_requested(f"{url}&_format=json") == requests.Request("GET", f"{url}&_format=json").prepare().url
    elif expected is None:
        assert "not on this server" in said or "Client Error:  for url: " in said
    else:
        # Of a scheme such as "httpsx", requests quotes the URL before it refuses it.
        assert said == expected or said[:35] == expected[:35] == "No connection adapters were found f"


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        (
            f"{BASE}/http://localhost:8080/fhir/Patient",
            "404 Client Error:  for url: {}/http://localhost:8080/fhir/Patient",
        ),
        (
            f"{BASE}/http://localhost:8080/fhir/Patient?_id=S1",
            "404 Client Error:  for url: {}/http://localhost:8080/fhir/Patient?_id=S1",
        ),
        (f"{BASE}/%2e/Patient?_id=S1", "404 Client Error:  for url: {}/./Patient?_id=S1"),
        (f"{BASE}/%2E%2e/fhir/Patient?_id=S1", "404 Client Error:  for url: {}/../fhir/Patient?_id=S1"),
        (f"{BASE}/Patient/%2e%2e?_id=S1", "404 Client Error:  for url: {}/Patient/..?_id=S1"),
        (f"{BASE}/Patient/%2e%2e/Patient?_id=S1", "400 Client Error:  for url: {}/Patient/../Patient?_id=S1"),
        (f"{BASE}/Patient/%2e%2e/%2e%2e/x?_id=S1", "404 Client Error:  for url: {}/Patient/../../x?_id=S1"),
        (BASE, "404 Client Error:  for url: {}"),
        ("HTTP://LOCALHOST:08080/fhir/Foo?_id=S1", "404 Client Error:  for url: {}/Foo?_id=S1"),
        ("http://localhost:8080/other?x=1", "404 Client Error:  for url: http://localhost:8080/other?x=1"),
        (f"{BASE}/Observation/../Patient?_id=S1", None),
        (f"{BASE}/./Patient?_id=S1", None),
        (f"{BASE}/../fhir/Patient?_id=S1", None),
    ],
)
def test_dots_and_urls_within_urls_are_answered_as_by_hapi(episode, url, answer):
    """Each status is what HAPI 7.6.0 was seen to answer to what requests sends."""
    seen = episode.step(f"GET {url}").observation
    if answer is None:
        assert seen.startswith(FOUND)
    else:
        assert seen == f"{REFUSED}{answer.format(BASE)}&_format=json"


def test_a_url_within_a_url_is_a_404_in_the_text_protocol_too():
    with EmbeddedBackend.from_resources([PATIENT]) as backend:
        task = Task("task2_1", 2, "How old is S1?", "It is 2023.", "S1", "official", None, params={})
        episode = Episode(task, backend.open())
        assert episode.step(f"GET {BASE}/{BASE}/Patient?_id=S1").observation.startswith("HTTP 404\n")
        for url in ("Patient/%2e%2e/Patient?_id=S1", "%2e/Patient?_id=S1", f"{BASE}/%2E%2E/x"):
            assert episode.step(f"GET {url}").response is None
        assert episode.step("GET Observation/../Patient?_id=S1").response.ok


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
