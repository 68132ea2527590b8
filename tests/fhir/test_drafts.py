"""Files that are written beside their place."""

import pytest

from medenv.fhir.drafts import replacement


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    place = tmp_path / "file"
    place.write_text("old")
    with replacement(place) as draft:
        draft.write_text("new")
        assert place.read_text() == "old"
    assert place.read_text() == "new"
    assert list(tmp_path.iterdir()) == [place]


def _fail(place):
    with replacement(place) as draft:
        draft.write_text("half")
        raise KeyboardInterrupt


def test_a_file_is_left_if_writing_fails(tmp_path):
    place = tmp_path / "file"
    place.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _fail(place)
    assert place.read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]
