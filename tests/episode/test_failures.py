"""How a failure of medenv's own is told: what was raised and where, and never a secret."""

import pytest

from medenv.episode.failures import report, without_secrets

pytestmark = pytest.mark.quick


def caught(call):
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def inner(text):
    secret_variable = "in-a-variable"
    raise ValueError(text + secret_variable[:0])


def outer(text):
    try:
        inner(text)
    except ValueError as error:
        raise KeyError("second") from error


def test_it_names_the_exception_and_each_frame():
    lines = report(caught(lambda: inner("what\nwas  wrong"))).splitlines()
    assert lines[0] == "ValueError: what was wrong"
    assert [line.rpartition(" ")[2] for line in lines[1:]] == ["caught", "<lambda>", "inner"]
    assert all(__name__ in line for line in lines[1:])


def test_causes_follow():
    told = report(caught(lambda: outer("first")))
    assert told.index("KeyError: 'second'") < told.index("caused by ValueError: first")


def test_nothing_of_the_source_the_variables_or_the_machine_is_told():
    told = report(caught(lambda: inner("x")))
    assert "in-a-variable" not in told
    assert "secret_variable" not in told
    assert __file__ not in told


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "MEDENV_FHIR_TOKEN", "MEDENV_FHIR_PASSWORD", "my_secret"])
def test_secrets_of_the_environment_are_left_out(monkeypatch, name):
    monkeypatch.setenv(name, " canary77\n")
    monkeypatch.setenv("SHORT_KEY", "abc")
    told = report(caught(lambda: outer("abc refused canary77")))
    assert "canary77" not in told
    assert "abc refused [secret]" in told


@pytest.mark.parametrize(
    "text",
    [
        "GET http://someone:canary77@host/fhir failed",
        "header Authorization: Bearer canary77",
        "header Authorization: basic Y2FuYXJ5Nzc=",
    ],
)
def test_access_that_an_exception_quotes_is_left_out(text):
    assert "canary77" not in without_secrets(text)
    assert "Y2FuYXJ5" not in without_secrets(text)


def test_a_runaway_recursion_is_told_briefly():
    def deeper():
        return deeper()

    told = report(caught(deeper))
    assert told.startswith("RecursionError")
    assert len(told.splitlines()) < 60


def test_odd_exceptions_are_told_too():
    class OddError(Exception):
        def __str__(self):
            raise ZeroDivisionError

    class LongError(Exception):
        def __str__(self):
            return "\ud800" + "x" * 10_000

    for error in (OddError(), LongError()):

        def throw(error=error):
            raise error

        told = report(caught(throw))
        assert told.startswith(type(error).__name__)
        assert len(told) < 1000
        told.encode()
