"""Fixtures of the server's tests: the recorded chart set as a backend."""

import pytest

from medenv.fhir import EmbeddedBackend
from tests.fhir import containers, recordings


@pytest.fixture(scope="session", autouse=True)
def _containers_end():
    """The container that tests share is removed after the last of them."""
    yield
    containers.end_kept()


@pytest.fixture(scope="session")
def recorded_backend():
    """The chart set that the recorded HAPI held."""
    with EmbeddedBackend.from_resources(recordings.stored_lines()) as backend:
        yield backend


@pytest.fixture
def recorded(recorded_backend):
    """A session on it."""
    return recorded_backend.open()
