"""The splits that the strict grader's tests play on."""

import pytest

from medenv.episode import Benchmark


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin", "strict") as made:
        yield made


@pytest.fixture(scope="module")
def published():
    """The fixed test split, whose tasks of types 3 and 8 name the patient by name and birth date."""
    with Benchmark("test") as made:
        yield made
