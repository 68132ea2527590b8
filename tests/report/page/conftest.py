import pytest

from tests.report.page.pages import play


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """Folders of three runs on the same tasks."""
    return play(tmp_path_factory.mktemp("played"))
