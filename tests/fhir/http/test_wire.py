"""Requests as bytes: what Tomcat and HAPI answer to odd ones, as a running HAPI 7.6.0 was seen to do."""

import gzip
import json
import socket

import pytest

from medenv.fhir.http import connection
from medenv.fhir.http.app import FhirApp
from tests.fhir.http.conftest import serving

pytestmark = pytest.mark.quick

ORDER = b'{"resourceType":"Observation","valueString":"%s"}'


def ask(host, head, body=b""):
    """Send bytes; returns status, headers and body. {H} stands for the Host and Connection headers."""
    fixed = f"Host: {host}\r\nConnection: close"
    text = head.replace("{H}", fixed).encode("latin-1") + b"\r\n\r\n" + body
    name, _, port = host.partition(":")
    received = b""
    with socket.create_connection((name, int(port)), timeout=30) as client:
        client.sendall(text)
        while block := client.recv(65536):
            received += block
    top, _, answer = received.partition(b"\r\n\r\n")
    status, *lines = top.decode("latin-1").split("\r\n")
    headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}
    return int(status.split()[1]), headers, answer


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 404),
        ("/other/x", 404),
        ("/fhirx", 404),
        ("/fhir", 400),
        ("/fhir/", 400),
        ("/fhir/Patient/S9000000/", 200),
        ("/fhir/%50atient?_count=0", 200),
        ("/fhir/Patient;x=1/S9000000", 404),
        ("/fhir/../fhir/Patient?_count=0", 404),
        ("/fhir/./Patient?_count=0", 404),
        ("/../x", 400),
        ("/fhir/%2e%2e/x", 404),
        ("/fhir/Patient%2Fx", 400),
        ("/fhir/Patient%5Cx", 400),
        ("/fhir/Patient%00x", 400),
        ("/fhir/Pati%zz", 400),
        ("/fhir/Patient/%ff", 400),
        ("/fhir/Patient?name=%ff&_count=0", 200),
        ("/fhir/Patient?name=\xe9", 400),
        *[(f"/fhir/Patient?name=a{c}b", 400) for c in '"<>[]\\^`{|}#'],
        *[(f"/fhir/Pat{c}ient", 400) for c in '"<>[]\\^`{|}#'],
        ("/fhir/Patient?name=a b", 400),
        ("/fhir/Patient?name=" + "a" * 9000, 400),
    ],
)
def test_targets(host, target, status):
    assert ask(host, f"GET {target} HTTP/1.1\r\n{{H}}")[0] == status


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /fhir/Patient?_count=0 HTTP/1.0", 200),
        ("GET /fhir/Patient?_count=0 HTTP/1.1\r\nConnection: close", 400),
        ("GET /fhir/Patient?_count=0 HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close", 400),
        ('GET /fhir/Patient?_count=0 HTTP/1.1\r\nHost: a"b\r\nConnection: close', 400),
        ("GET /fhir/Patient?_count=0 HTTP/1.1\r\nHost: a/b\r\nConnection: close", 400),
        ("GET /fhir/Patient?_count=0 HTTP/1.1\r\nHost: a:99999\r\nConnection: close", 400),
        ("GET /fhir/Patient?_count=0 HTTP/2.0\r\n{H}", 505),
        (f"GET /fhir/Patient HTTP/1.1\r\nX-A: {'a' * 9000}\r\n{{H}}", 400),
        ("GET /fhir/Patient HTTP/1.1\r\n{H}\r\nContent-Length: abc", 400),
        ("garbage", 400),
        ("TRACE /fhir/Patient HTTP/1.1\r\n{H}", 405),
        ("PROPFIND /fhir/Patient HTTP/1.1\r\n{H}", 501),
        ("OPTIONS /fhir HTTP/1.1\r\n{H}", 200),
        ("OPTIONS /fhir/metadata HTTP/1.1\r\n{H}", 405),
        ("OPTIONS /fhir/Patient HTTP/1.1\r\n{H}", 400),
        ("OPTIONS /fhir/Foo HTTP/1.1\r\n{H}", 404),
        ("HEAD /fhir/Patient/S9000000 HTTP/1.1\r\n{H}", 200),
        ("HEAD /fhir/Patient/S9000000/_history/1 HTTP/1.1\r\n{H}", 200),
        ("HEAD /fhir/Patient/S9000000/_history HTTP/1.1\r\n{H}", 200),
        ("HEAD /fhir/Patient/nobody HTTP/1.1\r\n{H}", 404),
        ("HEAD /fhir/Patient HTTP/1.1\r\n{H}", 400),
        ("HEAD /fhir/Patient/S9000000/$everything HTTP/1.1\r\n{H}", 400),
        ("HEAD /fhir/metadata HTTP/1.1\r\n{H}", 405),
    ],
)
def test_heads(host, head, status):
    answered, _, body = ask(host, head)
    assert answered == status
    if head.startswith("HEAD"):
        assert body == b""


def test_headers_of_a_read(host):
    status, headers, body = ask(host, "GET /fhir/Patient/S9000000 HTTP/1.1\r\n{H}")
    assert status == 200
    assert headers["content-type"] == "application/fhir+json;charset=UTF-8"
    assert headers["etag"] == 'W/"1"'
    assert headers["content-location"] == f"http://{host}/fhir/Patient/S9000000/_history/1"
    assert headers["last-modified"].endswith("GMT")
    assert headers["x-powered-by"].startswith("HAPI FHIR 7.6.0")
    assert len(headers["x-request-id"]) == 16
    assert int(headers["content-length"]) == len(body)
    assert "server" not in headers


def test_a_request_id_comes_back(host):
    head = "GET /fhir/Patient/S9000000 HTTP/1.1\r\n{H}\r\nX-Request-ID: abc-1.2"
    assert ask(host, head)[1]["x-request-id"] == "abc-1.2"
    head = "GET /fhir/Patient/S9000000 HTTP/1.1\r\n{H}\r\nX-Request-ID: <script>"
    assert ask(host, head)[1]["x-request-id"] != "<script>"


def test_links_name_the_host_that_was_asked(host):
    for given, shown in [
        ("example.org:99", "example.org:99"),
        ("localhost:80", "localhost"),
        ("[::1]:8080", "[::1]:8080"),
    ]:
        head = f"GET /fhir/Observation?code=K HTTP/1.1\r\nHost: {given}\r\nConnection: close\r\nX-Forwarded-Host: evil"
        bundle = json.loads(ask(host, head)[2])
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert links["self"] == f"http://{shown}/fhir/Observation?code=K"
        assert links["next"].startswith(f"http://{shown}/fhir?_getpages=")
        assert bundle["entry"][0]["fullUrl"].startswith(f"http://{shown}/fhir/Observation/")


def test_not_modified(host):
    head = 'GET /fhir/Patient/S9000000 HTTP/1.1\r\n{H}\r\nIf-None-Match: W/"1"'
    status, headers, body = ask(host, head)
    assert (status, body) == (304, b"")
    assert "content-length" not in headers


def test_bodies(host):
    def post(body, more=""):
        head = f"POST /s/bodies/fhir/Observation HTTP/1.1\r\n{{H}}\r\nContent-Type: application/fhir+json{more}"
        return ask(host, f"{head}\r\nContent-Length: {len(body)}", body)

    status, _, answer = post(gzip.compress(ORDER % b"packed"), "\r\nContent-Encoding: gzip")
    assert status == 201
    assert json.loads(answer)["valueString"] == "packed"
    status, _, answer = post(ORDER % b"x", "\r\nContent-Encoding: gzip")
    assert status == 400
    assert b"HAPI-0308" in answer
    status, _, answer = post(ORDER % b"\xe9x", ";charset=ISO-8859-1")  # HAPI reads UTF-8 whatever is said
    assert status == 201
    assert json.loads(answer)["valueString"] == "\ufffdx"
    bomb = gzip.compress(b"[" * 40_000_000)
    assert len(bomb) < 100_000
    assert post(bomb, "\r\nContent-Encoding: gzip")[0] == 413


def test_a_body_without_content_type_is_refused(host):
    body = ORDER % b"x"
    status, _, answer = ask(
        host, f"POST /s/none/fhir/Observation HTTP/1.1\r\n{{H}}\r\nContent-Length: {len(body)}", body
    )
    assert status == 400
    assert b"HAPI-0448" in answer


def test_a_body_too_large_is_refused_before_it_is_read(host):
    head = "POST /fhir/Observation HTTP/1.1\r\n{H}\r\nContent-Type: application/json\r\nContent-Length: 99999999999"
    status, _, answer = ask(host, head)
    assert status == 413
    assert json.loads(answer)["issue"][0]["code"] == "too-long"


def test_chunked_bodies(host):
    head = "POST /s/chunks/fhir/Observation HTTP/1.1\r\n{H}\r\nContent-Type: application/fhir+json\r\nTransfer-Encoding: chunked"
    body = ORDER % b"in two"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:20], body[20:], b""))
    status, _, answer = ask(host, head, chunks)
    assert status == 201
    assert json.loads(answer)["valueString"] == "in two"


def test_requests_in_a_row_are_answered_in_order(host):
    one = f"Host: {host}\r\n"
    order = ORDER % b"piped"
    piped = (
        f"GET /s/row/fhir/Patient/S9000000 HTTP/1.1\r\n{one}\r\n".encode()
        + f"POST /s/row/fhir/Observation HTTP/1.1\r\n{one}Content-Type: application/json\r\n".encode()
        + b"Content-Length: %d\r\n\r\n%s" % (len(order), order)
        + f"GET /s/row/fhir/Observation?value-string=piped HTTP/1.1\r\n{one}\r\n".encode()
        + f"GET /s/row/fhir/Patient/nobody HTTP/1.1\r\n{one}Connection: close".encode()
    )
    status, _, rest = ask(host, piped.decode("latin-1"))
    assert status == 200
    statuses = [int(part.split()[0]) for part in rest.decode().split("HTTP/1.1 ")[1:]]
    assert statuses == [201, 200, 404]
    assert '"total": 1' in rest.decode()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET /fhir/Patient/S9000000 HTTP/1.1\r\n{H}", 200),
        ("GET /fhir/Patient/nobody HTTP/1.1\r\n{H}", 404),
        ("HEAD /fhir/Patient/nobody HTTP/1.1\r\n{H}", 404),
        ("DELETE /s/none/x HTTP/1.1\r\n{H}", 404),
        ("POST /s/why/fhir/Basic HTTP/1.1\r\n{H}\r\nContent-Length: 0", 400),
        ("garbage", 400),
    ],
)
def test_no_answer_has_a_reason_phrase(host, request_, status):
    """As Tomcat's have none: what clients show of an error (``404 Client Error:  for url``) is the same."""
    assert status_lines(host, request_.replace("{H}", f"Host: {host}\r\nConnection: close") + "\r\n\r\n") == [
        f"HTTP/1.1 {status} "
    ]


def test_no_reason_phrase_where_the_client_waits_to_be_told_to_go_on(host):
    body = ORDER.decode() % "x"
    head = f"POST /s/on/fhir/Observation HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nExpect: 100-continue\r\n"
    head += f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n"
    assert status_lines(host, head, body) == ["HTTP/1.1 100 ", "HTTP/1.1 201 "]


def test_a_request_may_come_in_any_pieces(host):
    order = ORDER % b"pieces"
    asked = (
        f"POST /s/pieces/fhir/Observation HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n".encode()
        + b"Content-Length: %d\r\n\r\n%s" % (len(order), order)
        + f"GET /s/pieces/fhir/Patient/nobody HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )
    for size in (1, 7, 100):
        answers = exchange(host, [asked[at : at + size] for at in range(0, len(asked), size)])
        assert [int(part.split()[0]) for part in answers.split(b"HTTP/1.1 ")[1:]] == [201, 404]


def test_a_client_that_sends_no_more_still_gets_all_answers(host):
    one = f"GET /fhir/Patient?_count=50 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    answers = exchange(host, [one * 300], last=True)
    assert answers.count(b"HTTP/1.1 200 ") == 300


def test_what_follows_nonsense_is_not_read(host):
    good = f"GET /fhir/Patient/S9000000 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    answers = exchange(host, [good + b"garbage\r\n\r\n" + good])
    assert [int(part.split()[0]) for part in answers.split(b"HTTP/1.1 ")[1:]] == [200, 400]


def test_another_protocol_is_not_spoken(host):
    head = f"GET /fhir/Patient/S9000000 HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answers = exchange(host, [head.encode() + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith(b"HTTP/1.1 200 ")


def test_an_idle_connection_is_closed_in_the_end(recorded_backend, monkeypatch):
    monkeypatch.setattr(connection, "_KEEP_ALIVE", 0.01)
    with serving(FhirApp(recorded_backend)) as host:
        assert exchange(host, []) == b""


def test_a_server_that_is_told_to_stop_answers_what_has_begun(recorded_backend):
    with serving(FhirApp(recorded_backend)) as host:
        name, _, port = host.partition(":")
        idle = socket.create_connection((name, int(port)), timeout=30)
        busy = socket.create_connection((name, int(port)), timeout=30)
        head = f"GET /fhir/Patient/S9000000 HTTP/1.1\r\nHost: {host}\r\n".encode()
        for client in (idle, busy):  # an answer to each: the server knows them
            client.sendall(head + b"\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        busy.sendall(head)
        busy.sendall(b"\r\n")
    with idle, busy:
        assert idle.recv(65536) == b""
        assert busy.recv(65536).startswith(b"HTTP/1.1 200 ")


def exchange(host, pieces, last=False):
    """All that the server sends to a client that sends pieces, and then, if they are the last, says that no more will come."""
    name, _, port = host.partition(":")
    received = b""
    with socket.create_connection((name, int(port)), timeout=30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            client.sendall(piece)
        if last:
            client.shutdown(socket.SHUT_WR)
        while block := client.recv(65536):
            received += block
    return received


def status_lines(host, head, body=""):
    """The first lines of all answers; the body is sent once there is one."""
    name, _, port = host.partition(":")
    received = b""
    with socket.create_connection((name, int(port)), timeout=30) as client:
        client.sendall(head.encode())
        while block := client.recv(65536):
            received += block
            if body:
                client.sendall(body.encode())
                body = ""
    return [line for line in received.decode().split("\r\n") if line.startswith("HTTP/1.1 ")]
