"""Requests to a server that misbehaves: what is sent again, what never is, and that every failure is the server's."""

import json
import socket

import pytest

from medenv.fhir import BackendError
from medenv.fhir.remote import Client, ClientOptions, RemoteBackend
from medenv.fhir.remote.client import PASSWORD, TOKEN, USER
from tests.fhir.remote.scripted_server import EMPTY, misbehaving

pytestmark = pytest.mark.quick

QUICK = ClientOptions(timeout=0.3, connect_timeout=0.3, retries=1)
OUTCOME = json.dumps(
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "HAPI-0389: odd"}]}
)


@pytest.fixture
def server():
    with misbehaving() as plan:
        yield plan


@pytest.fixture
def client(server):
    made = Client(server.url, options=QUICK)
    yield made
    made.close()


@pytest.mark.parametrize("fault", ["reset", "hang", (500, "<html>"), (503, ""), (502, OUTCOME), (429, "")])
def test_a_get_is_sent_again_after_any_fault(server, client, fault):
    server.answer = lambda method, target: fault if len(server.asked) == 1 else (200, EMPTY)
    assert client.send("GET", "Patient?name=x").ok
    assert server.methods() == ["GET", "GET"]


@pytest.mark.parametrize("fault", ["reset", "hang", (500, "<html>"), (503, ""), (502, "")])
def test_a_get_that_always_fails_is_the_servers_failure(server, client, fault):
    server.answer = lambda method, target: fault
    with pytest.raises(BackendError, match="answer"):
        client.send("GET", "Patient?name=x")
    assert server.methods() == ["GET", "GET"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("fault", ["reset", "hang", (500, "<html>"), (502, "")])
def test_a_write_that_may_have_arrived_is_never_sent_again(server, client, method, fault):
    server.answer = lambda method, target: fault
    with pytest.raises(BackendError):
        client.send(method, "Observation/1", "{}")
    assert server.methods() == [method]


def test_a_refused_connection_is_the_servers_failure():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/fhir"
    with pytest.raises(BackendError, match="did not answer"):
        RemoteBackend(url, options=QUICK).open()


def test_an_odd_request_may_be_answered_500(server, client):
    server.answer = lambda method, target: (200, EMPTY) if "_summary" in target else (500, OUTCOME)
    assert client.send("GET", "Patient?_offset=-1").status == 500


def test_a_500_of_the_database_is_the_servers_failure(server, client):
    failed = OUTCOME.replace("odd", "JDBC exception executing SQL [insert]; No space left on device")
    server.answer = lambda method, target: (200, EMPTY) if "_summary" in target else (500, failed)
    with pytest.raises(BackendError, match="500"):
        client.send("POST", "Observation", "{}")


def test_what_is_sent_is_spelled_as_given(server, client):
    client.send("GET", "Patient?name=a%7Cb+c%20d&date=ge2023'(x)*!")
    client.send("GET", "Patient?name=a b\nX: y")
    assert server.asked[0][1] == "/fhir/Patient?name=a%7Cb+c%20d&date=ge2023'(x)*!"
    assert server.asked[1][1] == "/fhir/Patient?name=a%20b%0AX:%20y"


@pytest.mark.parametrize(
    "url", ["http://example.org/fhir/Patient", "../metadata", "Patient/%2e%2e/x", "http://127.0.0.1:1/x"]
)
def test_nothing_leaves_the_base(server, client, url):
    with pytest.raises(ValueError, match=r"below"):
        client.send("GET", url)
    assert server.asked == []


def test_access_comes_from_the_environment(server, monkeypatch):
    monkeypatch.setenv(TOKEN, "secret-token")
    Client(server.url).send("GET", "Patient")
    monkeypatch.delenv(TOKEN)
    monkeypatch.setenv(USER, "me")
    monkeypatch.setenv(PASSWORD, "secret-word")
    Client(server.url).send("GET", "Patient")
    Client(server.url, options=ClientOptions(credentials=False)).send("GET", "Patient")
    given = [headers.get("authorization", "") for _, _, headers, _ in server.asked]
    assert given == ["Bearer secret-token", "Basic bWU6c2VjcmV0LXdvcmQ=", ""]
    server.answer = lambda method, target: (503, "")
    with pytest.raises(BackendError) as failure:
        Client(server.url, options=QUICK).send("GET", "Patient")
    assert "secret" not in str(failure.value)


def test_secrets_in_a_url_are_refused_and_not_repeated():
    with pytest.raises(ValueError, match=PASSWORD) as refusal:
        Client("http://me:secret@example.org/fhir")
    assert "secret@" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://x/fhir", "http://", "http://x:99999/", "http://x/fhir?a=b"]
)
def test_a_base_must_be_one(url):
    with pytest.raises(ValueError, match="base"):
        Client(url)


def test_a_redirect_is_an_answer_not_followed(server, client):
    server.answer = lambda method, target: (302, "")
    assert client.send("GET", "Patient").status == 302
    assert len(server.asked) == 1


def test_the_shown_base_stands_for_the_real_one(server):
    shown = Client(server.url, "http://ehr.example/fhir", QUICK)
    server.answer = lambda method, target: (200, json.dumps({"link": [{"url": f"{server.url}?_getpages=x"}]}))
    answer = shown.send("POST", "http://ehr.example/fhir/Bundle", '{"x": "http://ehr.example/fhir/Patient/1"}')
    assert json.loads(answer.body)["link"][0]["url"] == "http://ehr.example/fhir?_getpages=x"
    assert server.asked[0][1] == "/fhir/Bundle"
    assert json.loads(server.asked[0][3])["x"] == f"{server.url}/Patient/1"
