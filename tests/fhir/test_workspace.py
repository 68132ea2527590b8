"""What the handlers of requests work on: numbers, versions, searches, transactions."""

import pytest

from medenv.fhir.errors import FhirError
from medenv.fhir.workspace import Workspace


def test_a_workspace_numbers_and_keeps_versions(recorded_backend):
    """What the writing side builds on: numbers and versions are given here."""
    workspace = recorded_backend.open().workspace
    assert isinstance(workspace, Workspace)
    record = workspace.save("Basic", "mine", {"resourceType": "Basic", "code": {"text": "x"}}, "{}")
    assert (record.version, record.submitted, record.deleted) == (1, "{}", False)
    assert workspace.save("Basic", "mine", {"resourceType": "Basic"}, None, "PUT").version == 2
    assert workspace.remove("Basic", "mine").deleted
    assert [r.version for r in workspace.history("Basic", "mine")] == [1, 2, 3]
    with pytest.raises(KeyError):
        workspace.remove("Basic", "other")
    workspace.expunge("Basic", "mine")
    assert workspace.lookup("Basic", "mine") is None
    assert workspace.search_ids("Patient", "identifier=S9000000") == [("Patient", "S9000000")]
    with pytest.raises(FhirError):
        workspace.search_ids("Patient", "nothing=1")


def test_what_a_failed_transaction_wrote_is_taken_back(recorded_backend):
    workspace = recorded_backend.open().workspace
    workspace.save("Basic", "before", {"resourceType": "Basic"})

    def write_and_fail():
        with workspace.transaction():
            workspace.save("Basic", "inside", {"resourceType": "Basic"})
            workspace.remove("Basic", "before")
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert workspace.lookup("Basic", "inside") is None
    assert not workspace.lookup("Basic", "before").deleted
    assert len(workspace.chart.journal) == 1
