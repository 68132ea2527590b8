"""Names of the package that were changed still work, with a warning that says the new one."""

import pytest

from medenv import grading


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ChartFacts", "ReferenceData"),
        ("FactsError", "ReferenceDataError"),
        ("collect_facts", "collect_reference_data"),
    ],
)
def test_an_old_name_gives_the_new_thing(old, new):
    with pytest.warns(DeprecationWarning, match=new):
        assert getattr(grading, old) is getattr(grading, new)


def test_a_name_that_never_was_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Facts'"):
        _ = grading.Facts
