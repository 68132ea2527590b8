"""Fixtures of the server's tests: the recorded chart set as a backend."""

import pytest

from medenv.fhir import EmbeddedBackend
from tests.fhir import containers, recordings


@pytest.fixture(scope="module")
def shared_container():
    """The base URL of the container that all tests share, for the tests of one file at a time."""
    with containers.shared() as url:
        yield url


@pytest.fixture(scope="session")
def recorded_backend():
    """The chart set that the recorded HAPI held."""
    with EmbeddedBackend.from_resources(recordings.stored_lines()) as backend:
        yield backend


@pytest.fixture
def recorded(recorded_backend):
    """A session on it."""
    return recorded_backend.open()
