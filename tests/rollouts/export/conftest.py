import shutil

import pytest

from tests.rollouts.export import runs as played


@pytest.fixture(scope="session", autouse=True)
def _clean():
    yield
    if played._all.cache_info().currsize:
        shutil.rmtree(played._all(), ignore_errors=True)
