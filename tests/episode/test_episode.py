"""The episode's state machine: what is sent and what isn't, every ending, forks, and trajectories that replay."""

import json
import socket

import pytest

from medenv.agents import load
from medenv.episode import Benchmark, Episode, EpisodeOverError
from medenv.fhir import BackendError, Response
from medenv.fhir.backend import Session
from medenv.grading import OfficialGrader, UngradableError
from medenv.tasks import task_type
from medenv.trajectories import Status, Trajectory

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin") as made:
        yield made


@pytest.fixture
def episode(benchmark):
    return benchmark.start(benchmark.tasks.task("task3_1"))


def bp(task, value="120/80 mmHg"):
    return json.dumps(
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "BP"},
            "valueString": value,
            "effectiveDateTime": task.now,
            "subject": {"reference": f"Patient/{task.mrn}"},
        }
    )


class Recorder(Session):
    """A session that answers everything and remembers what it was asked."""

    base = "http://localhost:8080/fhir"

    def __init__(self, answer=None):
        self.asked, self.answer = [], answer or Response(200, "{}")

    def request(self, method, url, body=None, headers=None):
        self.asked.append((method, url, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def fork(self):
        return Recorder(self.answer)

    def pristine(self):
        return Recorder(self.answer)

    written = 0

    def changes(self):
        return []

    def reset(self):
        self.asked.clear()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("GET Patient/S1", "Patient/S1?_format=json"),
        ("GET /Patient?name=A B", "Patient?name=A%20B&_format=json"),
        ("GET http://localhost:8080/fhir/Patient?name=x", "Patient?name=x&_format=json"),
        ("GET http://localhost:8080/fhir?_getpages=1&_format=json", "?_getpages=1&_format=json"),
        ("GET Observation?code=a|b+c", "Observation?code=a%7Cb+c&_format=json"),
    ],
)
def test_what_is_sent(benchmark, text, sent):
    session = Recorder()
    Episode(benchmark.tasks[0], session).step(text)
    assert session.asked == [("GET", sent, None)]


@pytest.mark.parametrize(
    "text", ["GET http://example.org/fhir/Patient", "GET //example.org/x", "POST http://example.org/Observation\n{}"]
)
def test_other_hosts_are_refused_and_the_episode_goes_on(benchmark, monkeypatch, text):
    def no_network(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", no_network)
    session = Recorder()
    playing = Episode(benchmark.tasks[0], session)
    transition = playing.step(text)
    assert session.asked == []
    assert transition.status is Status.RUNNING
    assert transition.response is None
    assert "example.org" in transition.observation
    assert len(playing.turns) == 1


def test_a_post_without_json_costs_its_turn_only(episode):
    transition = episode.step("POST Observation\n{'single': 'quotes'}")
    assert transition.status is Status.RUNNING
    assert transition.response is None
    assert "JSON" in transition.observation
    assert len(episode.turns) == 1


def test_a_post_is_executed_and_read_back(episode):
    task = episode.task
    created = episode.step(f"POST Observation\n{bp(task)}")
    assert created.response.status == 201
    stored = json.loads(created.observation)
    assert stored["valueString"] == "120/80 mmHg"
    assert json.loads(episode.step(f"GET Observation/{stored['id']}").observation) == stored


def test_status_line_before_errors(episode):
    transition = episode.step("GET Patient/S0000000")
    assert transition.observation.startswith("HTTP 404\n{")
    assert episode.step("GET Patient?legal-sex=male").observation.startswith("HTTP 400\n{")


def test_every_ending(benchmark):
    task = benchmark.tasks[0]
    for text, status, result in (
        ("FINISH([1])", Status.COMPLETED, "[1]"),
        ("FINISH()", Status.COMPLETED, ""),
        ("hello", Status.INVALID_ACTION, None),
    ):
        playing = benchmark.start(task)
        assert playing.step(text).done
        assert (playing.status, playing.result) == (status, result)
        with pytest.raises(EpisodeOverError):
            playing.step("GET Patient")
    playing = benchmark.start(task)
    for _ in range(8):
        playing.step("GET Patient?_count=1")
    assert playing.status is Status.TURN_LIMIT
    playing = benchmark.start(task)
    for _ in range(7):
        playing.step("GET Patient?_count=1")
    assert playing.step("FINISH([1])").status is Status.COMPLETED


def test_a_failing_server_is_an_infrastructure_error(benchmark):
    playing = Episode(benchmark.tasks[0], Recorder(BackendError("the server is down")))
    with pytest.raises(BackendError):
        playing.step("GET Patient/S1")
    assert playing.status is Status.INFRASTRUCTURE_ERROR
    assert playing.turns == ()
    with pytest.raises(UngradableError):
        OfficialGrader().grade(playing.trajectory())
    assert benchmark.finish(playing).verdict is None


@pytest.mark.parametrize(
    "text",
    ["x" * 10_000_000, "GET " + "x" * 10_000_000, "GET \0\0", "POST Observation\n" + "\0", "GET \ud800", "\0" * 100],
)
def test_hostile_text_gives_an_observation(benchmark, text):
    playing = benchmark.start(benchmark.tasks[0])
    transition = playing.step(text)
    assert len(transition.observation) < 100_000
    assert transition.observation
    assert playing.trajectory().to_json()


def test_ten_megabytes_of_payload(benchmark):
    task = benchmark.tasks.task("task3_1")
    playing = benchmark.start(task)
    assert playing.step(f"POST Observation\n{bp(task, 'x' * 10_000_000)}").response.status in (201, 400)
    assert playing.step("FINISH([])").done
    assert benchmark.finish(playing).verdict["score"] == 0.0


def chart(session, mrn):
    """The patient's whole chart as text, all pages."""
    pages = []
    for resource in ("Patient?_id=", "Observation?patient=", "ServiceRequest?patient=", "MedicationRequest?patient="):
        pages.append(session.get(f"{resource}{mrn}&_count=1000").body)
    return pages


def test_two_episodes_never_see_each_other(benchmark):
    task = benchmark.tasks.task("task3_1")
    one, other = benchmark.start(task), benchmark.start(task)
    before = chart(other.session, task.mrn)
    created = json.loads(one.step(f"POST Observation\n{bp(task)}").observation)
    assert chart(one.session, task.mrn) != before
    assert chart(other.session, task.mrn) == before
    assert other.step(f"GET Observation/{created['id']}").response.status == 404
    one.session.reset()
    assert chart(one.session, task.mrn) == before


def test_forks_are_independent(benchmark):
    task = benchmark.tasks.task("task3_1")
    trunk = benchmark.start(task)
    trunk.step(f"POST Observation\n{bp(task, 'shared')}")
    twin = trunk.fork()
    shared = chart(trunk.session, task.mrn)
    assert chart(twin.session, task.mrn) == shared
    mine = trunk.step(f"POST Observation\n{bp(task, 'mine')}")
    assert chart(twin.session, task.mrn) == shared
    theirs = twin.step(f"POST Observation\n{bp(task, 'theirs')}")
    assert json.loads(mine.observation)["id"] == json.loads(theirs.observation)["id"], (
        "both count on from the same state"
    )
    assert "theirs" not in "".join(chart(trunk.session, task.mrn))
    assert "mine" not in "".join(chart(twin.session, task.mrn)).replace("theirs", "")
    twin.step("FINISH([])")
    assert not trunk.done
    assert len(trunk.turns) == 2


@pytest.mark.parametrize("number", range(1, 11))
def test_trajectories_replay_and_regrade_without_the_server(benchmark, number):
    task = benchmark.tasks.of_type(number)[4]
    playing = benchmark.start(task)
    steps = task_type(number).solve(task)
    text = next(steps)
    while True:
        transition = playing.step(text)
        if transition.done:
            break
        text = steps.send(transition.observation)
    first = benchmark.finish(playing)
    stored = Trajectory.from_json(first.to_json())
    assert OfficialGrader().grade(stored).to_dict()["score"] == first.verdict["score"] == 1.0
    again = benchmark.start(task)
    for turn in stored.turns:
        transition = again.step(turn.text)
        assert (transition.observation or None) == turn.observation
    assert benchmark.finish(again).to_json() == first.to_json()


def test_provenance_names_what_produced_the_score(benchmark):
    playing = benchmark.start(benchmark.tasks[0], {"agent": load("blind").describe(), "seed": 4})
    playing.step("FINISH([])")
    origin = benchmark.finish(playing).provenance
    assert origin["data"].startswith("charts/2:sha256:")
    assert origin["prompt"].startswith("sha256:")
    assert origin["agent"] == {"name": "blind"}
    assert origin["seed"] == 4
    assert origin["medenv"]


def test_wrong_settings_say_so(benchmark):
    task = benchmark.tasks[0]
    for arguments, word in (
        ({"protocol": "smoke"}, "smoke"),
        ({"observation": "tiny"}, "tiny"),
        ({"max_turns": 0}, "0"),
    ):
        with pytest.raises(ValueError, match=word):
            Episode(task, Recorder(), **arguments)


def test_each_turn_says_what_its_request_stored(episode):
    task = episode.task
    order = {"resource": json.loads(bp(task)), "request": {"method": "POST", "url": "Observation"}}
    read = {"request": {"method": "GET", "url": f"Patient/{task.mrn}"}}

    def post(kind, *entries):
        return "POST ?_format=json\n" + json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries})

    episode.step(f"GET Patient/{task.mrn}")
    episode.step(post("transaction", order, order))
    episode.step(post("batch", read))
    twin = episode.fork()
    for one in (episode, twin):
        one.step("POST Observation\n{}")
        one.step("POST http://example.org/Observation\n{}")
        one.step(f"POST Observation\n{bp(task)}")
        assert [(turn.writes, turn.wrote) for turn in one.turns] == [
            (0, False),
            (2, True),
            (0, False),
            (0, False),
            (None, False),
            (1, True),
        ]
    assert [change["kind"] for change in episode.trajectory().changes] == ["create"] * 3


def test_numbers_that_no_row_can_hold_are_stored_as_text(benchmark, episode):
    order = json.loads(bp(episode.task)) | {
        "extension": [{"url": "x", "valueDecimal": "9" * 5000}],
    }
    assert episode.step(f"POST Observation\n{json.dumps(order)}").response.status == 201
    episode.step("FINISH([])")
    trajectory = benchmark.finish(episode)
    assert Trajectory.from_json(trajectory.to_json()).changes[0]["stored"]["extension"] == [
        {"url": "x", "valueDecimal": "9" * 5000}
    ]
