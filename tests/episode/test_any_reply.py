"""Whatever an agent writes gives an observation or an end, on every protocol and backend, and a verdict that a stored row gives again."""

import json

import pytest

from medenv.episode import Benchmark
from medenv.fhir.remote import RemoteBackend
from medenv.protocol import Conversation
from medenv.protocol.tools import as_call
from medenv.tasks import task_type
from medenv.trajectories import Status, Trajectory
from tests.fhir.backends import served
from tests.protocol.checkouts import write_checkout

DIGITS = "9" * 5000
URLS = (
    "Patient/http://x",
    "http://x/Patient/http://y",
    "/http://x",
    "http://localhost:8080/fhir/http://x/y",
    "a/..//http://x",
    "x://y",
    "",
    "?",
    "??&&==",
    "#",
    "/",
    "//",
    "\\\\host\\x",
    "%",
    "%00%ff%",
    "\0",
    "\ud800?\udfff=\ud800",
    "Patient/%252e%252e/x",
    "Patient/²",
    "Patient/" + "9" * 19,
    "Patient?_id=" + "9" * 30,
    "Patient?" + "x" * 20_000,
    "Patient?birthdate=" + DIGITS,
    "Observation?value-quantity=1e999999999",
    "Observation?value-quantity=" + DIGITS,
    "Patient?_getpages=1&_getpagesoffset=" + DIGITS,
)
OF_THE_PATIENT = (
    "Patient/{id}/_history/²",
    f"Patient/{{id}}/_history/{DIGITS}",
    f"Patient/{{id}}/$everything?_count={DIGITS}",
)
ANSWERS = (
    "[[2.1]]",
    '[{"value": 2.1}]',
    "[NaN, -Infinity, 1e999]",
    f"[{DIGITS}]",
    "[" + "9" * 400 + "]",
    "[" * 100_000,
    "[" * 900 + "]" * 900,
    '{"answers": 1}',
    '["\\ud800"]',
    "[true, null]",
    '[{"a": 1, "a": 2}]',
    "",
)
VALUES = (
    json.dumps(DIGITS),
    "9" * 4000,
    "-" + "9" * 40,
    "1e400",
    "1e9999999999999999999",
    json.dumps("1e9999999999999999999"),
    '"\\ud800"',
    '"\\u0000"',
    "[" * 200 + "]" * 200,
    '{"a":' * 90 + "1" + "}" * 90,
)


def order(task, value):
    """An order whose dose is any JSON text."""
    return (
        f'{{"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": {{"text": "x"}}, '
        f'"subject": {{"reference": "Patient/{task.mrn}"}}, '
        f'"dosageInstruction": [{{"doseAndRate": [{{"doseQuantity": {{"value": {value}, "unit": "g"}}}}]}}]}}'
    )


def transaction(*urls):
    entries = [
        {"resource": {"resourceType": "Observation", "id": "x"}, "request": {"method": "PUT", "url": url}}
        for url in urls
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def posts(task):
    return (
        *(f"POST MedicationRequest\n{order(task, value)}" for value in VALUES),
        f"POST\n{transaction('Observation/' + '9' * 30)}",
        f"POST ?_format=xml\n{transaction('Observation/..')}",
        f"POST http://x\n{transaction('Patient/http://x')}",
        f"POST Observation/http://x\n{order(task, 1)}",
        "POST Observation\n[",
        f"POST Observation\n{DIGITS}",
    )


def graded(benchmark, task, replies):
    """Play replies, then an answer if the episode hasn't ended; the trajectory."""
    episode = benchmark.start(task)
    for reply in [*replies, "FINISH([])"]:
        if not episode.done:
            transition = episode.step(reply)
            assert transition.observation or transition.status is Status.COMPLETED
    trajectory = benchmark.finish(episode)
    assert trajectory.status not in (Status.RUNNING, Status.INFRASTRUCTURE_ERROR), trajectory.error
    stored = Trajectory.from_json(trajectory.to_json())
    again = benchmark.grader.judge(stored)
    assert plain(again.verdict) == plain(trajectory.verdict)
    assert again.to_json() == trajectory.to_json()
    return trajectory


def plain(value):
    return json.loads(json.dumps(value))


def by_eights(texts):
    return [texts[at : at + 7] for at in range(0, len(texts), 7)]


@pytest.fixture(scope="module", params=["text", "tools", "official"])
def benchmark(request, tmp_path_factory):
    if request.param == "official":
        with Benchmark(
            "builtin", "official", protocol="official", official=write_checkout(tmp_path_factory.mktemp("c"))
        ) as made:
            yield made
    else:
        with Benchmark("builtin", "strict", protocol=request.param) as made:
            yield made


def said(benchmark, text):
    """The reply in the form that the protocol takes: a call, if there is one for it."""
    if benchmark.protocol == "official" and text.startswith("GET ") and "://" not in text:
        return text.replace("GET ", f"GET {BASE}/", 1)
    call = as_call(text) if benchmark.protocol == "tools" else None
    return text if call is None else json.dumps({"name": call.name, "arguments": call.arguments})


BASE = "http://localhost:8080/fhir"


def test_any_url_is_answered(benchmark):
    task = benchmark.tasks.of_type(4)[0]
    found = json.loads(benchmark.backend.open().get(f"Patient?identifier={task.mrn}").body)["entry"][0]["resource"][
        "id"
    ]
    texts = [f"GET {url}" for url in (*URLS, *(one.format(id=found) for one in OF_THE_PATIENT))]
    for replies in by_eights([said(benchmark, text) for text in [*texts, "GET Patient\nGET Patient/http://x"]]):
        trajectory = graded(benchmark, task, replies)
        assert len(trajectory.turns) == len(replies) + 1


def test_any_payload_is_answered(benchmark):
    task = benchmark.tasks.of_type(9)[0]
    for replies in by_eights([said(benchmark, text) for text in posts(task)]):
        if benchmark.protocol == "tools":
            replies = [reply for reply in replies if reply.startswith("{")]
        trajectory = graded(benchmark, task, replies)
        assert len(trajectory.turns) == len(replies) + 1


@pytest.mark.parametrize("number", range(1, 11))
def test_any_answer_ends_the_episode(benchmark, number):
    """After an honest look at the chart, so that the grader has something to explain."""
    task = benchmark.tasks.of_type(number)[0]
    looks, steps = [], task_type(number).solve(task)
    session = benchmark.backend.open()
    text = next(steps)
    while text.startswith("GET "):
        looks.append(text)
        text = steps.send(session.get(text.removeprefix("GET ").removeprefix(f"{BASE}/").replace(" ", "%20")).body)
    for answer in ANSWERS:
        trajectory = graded(benchmark, task, [said(benchmark, one) for one in [*looks, f"FINISH({answer})"]])
        assert trajectory.status is Status.COMPLETED
        if (
            benchmark.grader.name == "strict"
        ):  # the official one accepts whatever is said where nothing is asked, or found
            assert trajectory.verdict["score"] == 0.0


def test_a_number_too_large_for_anybody_is_a_text_in_the_record(benchmark):
    task = benchmark.tasks.of_type(5)[0]
    trajectory = graded(
        benchmark, task, [said(benchmark, f"POST MedicationRequest\n{order(task, json.dumps(DIGITS))}")]
    )
    if benchmark.protocol == "official":
        assert trajectory.changes == ()
        return
    [change] = trajectory.changes
    dose = change["stored"]["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    assert dose == {"value": DIGITS, "unit": "g"}
    assert DIGITS in change["submitted"]
    assert DIGITS in trajectory.turns[0].observation


@pytest.fixture(scope="module", params=["shared", "isolated"])
def remote(request):
    options = ("--isolate",) if request.param == "isolated" else ()
    with served(*options) as url:
        there = url.replace("/fhir", "/s/{session}/fhir") if options else url
        with RemoteBackend(there) as backend:
            yield backend


def test_any_reply_is_answered_over_http(remote):
    from medenv.episode import Episode

    with Benchmark("builtin") as builtin:
        task = builtin.tasks.of_type(9)[0]
    texts = [*(f"GET {url}" for url in (*URLS, *(one.format(id="S9000111") for one in OF_THE_PATIENT))), *posts(task)]
    for replies in by_eights(texts):
        with remote.open() as session:
            episode = Episode(task, session)
            for reply in replies:
                assert episode.step(reply).observation
            episode.step("FINISH([])")
            assert episode.status is Status.COMPLETED
            row = episode.trajectory().to_json()
            assert Trajectory.from_json(row).to_json() == row


def test_lone_halves_of_characters_are_question_marks():
    """As a Java server writes what has no UTF-8 form."""
    with Benchmark("builtin") as benchmark:
        task = benchmark.tasks[0]
        note = '{"resourceType": "Basic", "code": {"text": "a\\ud800b\\ud83d\\ude00c"}}'
        trajectory = graded(benchmark, task, [f"POST Basic\n{note}"])
        assert json.loads(trajectory.turns[0].observation)["code"]["text"] == "a?b\U0001f600c"
        assert trajectory.changes[0]["stored"]["code"]["text"] == "a?b\U0001f600c"


def test_a_conversation_after_odd_replies_can_be_sent_to_a_model():
    with Benchmark("builtin", protocol="tools") as benchmark:
        episode = benchmark.start(benchmark.tasks[0])
        episode.step('{"name": "find_patients", "arguments": {"next_page": "\\ud800"}}')
        episode.step('{"name": "find_patients", "arguments": "\ud800"}')
        assert isinstance(episode.conversation, Conversation)
        assert json.dumps(episode.messages).isascii()
        for message in episode.messages:
            json.dumps(message, ensure_ascii=False).encode()
