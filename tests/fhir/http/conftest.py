"""The recorded chart set, served over HTTP in a thread."""

import threading
from contextlib import contextmanager

import pytest

from medenv.fhir.http.app import FhirApp
from medenv.fhir.http.server import Server, bind


@contextmanager
def serving(app):
    """Serve an app; gives its host and port."""
    ready = threading.Event()
    with bind("127.0.0.1", 0) as listener:
        server = Server(app, ready.set)
        thread = threading.Thread(target=server.run, args=(listener,))
        thread.start()
        try:
            assert ready.wait(30), "the server is not ready after half a minute"
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def host(recorded_backend):
    """Host and port of a server with sessions by name."""
    with serving(FhirApp(recorded_backend, isolate=True)) as host:
        yield host


@pytest.fixture
def base(host, request):
    """The base of a session of the test's own."""
    return f"http://{host}/s/{request.node.name.translate(dict.fromkeys(map(ord, '[]<>/ :|%'), '-'))[:60]}/fhir"
