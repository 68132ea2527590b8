"""Dates as the index holds them: the stretches of time that they cover."""

import pytest

from medenv.fhir.index.dates import http_date, span, stored_span


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-13T10:15:00+00:00",
        "2023-11-13T25:15:00+00:00",
        "2023-02-30T10:15:00+00:00",
        "2023-11-13T1x:15:00+00:00",
        "2023-11-13",
    ],
)
def test_the_quick_date_is_the_careful_one(text):
    assert stored_span(text) == span(text)


def test_spans():
    year, day, point = span("2023"), span("2023-11-13"), span("2023-11-13T10:15:00-05:00")
    assert (year.first, year.last) == (20230101, 20231231)
    assert day.high - day.low == 86_400_000 - 1
    assert point.low == point.high == day.low + (15 * 60 + 15) * 60_000
    assert (point.first, point.last) == (20231113, 20231113)
    assert span("2023-13") is span("13.11.2023") is span("") is None
    assert http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT"
