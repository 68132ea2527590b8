"""Files that commands write: whose permissions, when they are overwritten, standard output, readers that go away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medenv.cli.exits import READER_GONE
from medenv.fhir import cache
from medenv.fhir.drafts import draft_file, draft_folder
from tests.cli.inside import medenv

MEDENV = [sys.executable, "-c", "from medenv.cli import main; main()"]


@pytest.fixture
def shared_umask():
    before = os.umask(0o002)
    yield
    os.umask(before)


def test_files_are_made_with_the_users_umask(tmp_path, shared_umask):
    assert medenv("data", "export", "--split", "builtin", "--out", "charts.ndjson", cwd=tmp_path).returncode == 0
    assert (tmp_path / "charts.ndjson").stat().st_mode & 0o777 == 0o664
    cache.adopt(tmp_path / "cache" / "some", lambda: [b"content"])
    assert {one.stat().st_mode & 0o777 for one in (tmp_path / "cache").glob("some*") if one.suffix != ".lock"} == {
        0o664
    }


def test_drafts_never_share_a_name(tmp_path):
    files = [draft_file(tmp_path / "some") for _ in range(3)]
    for handle, _ in files:
        os.close(handle)
    folders = [draft_folder(tmp_path / "some") for _ in range(3)]
    assert len({*(file for _, file in files), *folders}) == 6
    assert all(one.name.startswith(".") and one.parent == tmp_path for one in folders)


def test_a_file_is_overwritten_only_with_force(tmp_path):
    file = tmp_path / "charts.ndjson"
    file.write_text("mine")
    for words in (
        ("data", "export", "--split", "builtin", "--out", file),
        ("capture", "http://127.0.0.1:9/fhir", "-o", file),
    ):
        done = medenv(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert "--force" in done.stderr
        assert file.read_text() == "mine"
    assert medenv("data", "export", "--split", "builtin", "--out", file, "--force", cwd=tmp_path).returncode == 0
    assert file.read_text().startswith("{")
    assert list(tmp_path.iterdir()) == [file]


def test_a_map_of_new_ids_is_not_lost_to_another_load(tmp_path):
    (tmp_path / "charts.ndjson").write_text('{"resourceType": "Patient", "id": "1"}\n')
    (tmp_path / "charts.ndjson.ids.json").write_text("{}")
    done = medenv("load", "charts.ndjson", "http://127.0.0.1:9/fhir", "--renumber", cwd=tmp_path)
    assert done.returncode == 2
    assert "charts.ndjson.ids.json" in done.stderr


def test_a_dash_is_standard_output(tmp_path):
    written = medenv("data", "export", "--split", "builtin", "--out", "-", cwd=tmp_path)
    assert written.returncode == 0
    assert written.stdout.startswith("{")
    assert written.stdout == medenv("data", "export", "--split", "builtin", cwd=tmp_path).stdout
    medenv("eval", "--agent", "empty", "--split", "builtin", "--limit", "1", "--out", "run", cwd=tmp_path)
    page = medenv("view", "run", "--out", "-", cwd=tmp_path)
    assert page.stdout.startswith("<!")
    assert page.stdout.rstrip().endswith("</html>")
    assert not (tmp_path / "-").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize("words", [("--version",), ("data", "path"), ("tasks", "--split", "builtin")], ids=" ".join)
def test_a_reader_that_goes_away_ends_a_command_quietly(words):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*MEDENV, *words], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (READER_GONE, b"")


def test_a_home_that_can_not_be_written_gives_way_to_a_temporary_folder(tmp_path, monkeypatch, caplog):
    home = tmp_path / "home"
    home.write_text("a file")
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setattr(cache.platformdirs, "user_cache_dir", lambda name: str(home / ".cache" / name))
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    cache._stand_in.cache_clear()
    first = cache.path_of("some")
    assert first == cache.path_of("some")
    assert first.parent.parent.parent == tmp_path
    assert [one.levelname for one in caplog.records] == ["WARNING"]
    assert cache.VARIABLE in caplog.text
    assert str(first.parent.parent) in caplog.text
    cache._stand_in.cache_clear()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no users by number")
def test_a_strangers_folder_is_no_stand_in(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"medenv-{os.getuid()}").symlink_to(elsewhere)
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    cache._stand_in.cache_clear()
    made = cache._stand_in(Path("/nowhere"))
    cache._stand_in.cache_clear()
    assert made.parent == tmp_path
    assert not made.is_symlink()
    assert made != tmp_path / f"medenv-{os.getuid()}"


def test_charts_that_a_read_only_home_brings_are_used(tmp_path, monkeypatch):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setattr(cache.platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    monkeypatch.setattr(cache, "_writable", lambda folder: False)
    place = tmp_path / "medenv" / "stores" / cache.path_of("some", Path()).name
    place.parent.mkdir(parents=True)
    place.touch()
    assert cache.path_of("some") == place
