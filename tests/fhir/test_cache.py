"""Stores in the cache folder: built once by whoever comes first, never half-made, noticed when damaged."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from medenv.fhir import cache
from medenv.fhir.cache import CacheError, cached_store, path_of, trusted

PATIENT = {"resourceType": "Patient", "id": "S9", "gender": "female"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDENV_CACHE_DIR", str(tmp_path))
    return tmp_path / "stores"


class Source:
    """Makes resources and counts how often it was asked to."""

    def __init__(self, count=300):
        self.count, self.asked = count, 0

    def __call__(self):
        self.asked += 1
        return [{"resourceType": "Patient", "id": f"P{n}"} for n in range(self.count)]


def test_built_once_and_then_opened(folder):
    source = Source()
    first, second = cached_store("some", source), cached_store("some", source)
    assert source.asked == 1
    assert first.fingerprint == second.fingerprint
    assert first.path == path_of("some")
    assert first.path.parent == folder


def test_the_variable_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDENV_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert cached_store("some", Source()).path.is_relative_to(tmp_path / "elsewhere")


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwritten(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 64] = b"\xff" * 64
    path.write_bytes(raw)


def emptied(path):
    path.write_bytes(b"")


def removed(path):
    path.unlink()


def card_lost(path):
    path.with_suffix(".json").unlink()


def card_garbled(path):
    path.with_suffix(".json").write_text('{"size": "x"')


@pytest.mark.parametrize("damage", [truncated, overwritten, emptied, removed, card_lost, card_garbled])
def test_damage_is_noticed_and_the_store_built_anew(damage):
    source = Source()
    fingerprint = cached_store("some", source).fingerprint
    damage(path_of("some"))
    assert trusted(path_of("some")) is None
    assert cached_store("some", source).fingerprint == fingerprint
    assert source.asked == 2
    assert trusted(path_of("some")) is not None


def test_a_copied_cache_is_read_once_and_not_built():
    source = Source()
    path = cached_store("some", source).path
    os.utime(path, (1, 1))
    cached_store("some", source)
    assert source.asked == 1
    assert json.loads(path.with_suffix(".json").read_bytes())["changed"] == path.stat().st_mtime_ns


SLOW = """
import sys, time
from medenv.fhir.cache import cached_store
def resources():
    for n in range(200):
        yield {"resourceType": "Patient", "id": f"P{n}"}
    print("half", flush=True)
    sys.stdin.readline()
store = cached_store("slow", resources)
print(store.fingerprint, flush=True)
"""


def start():
    return subprocess.Popen([sys.executable, "-c", SLOW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_others_wait_for_the_first_build():
    first = start()
    assert first.stdout.readline() == "half\n"
    source, found = Source(), []
    waiting = threading.Thread(target=lambda: found.append(cached_store("slow", source)))
    waiting.start()
    first.stdin.write("\n")
    first.stdin.flush()
    fingerprint = first.stdout.readline().strip()
    waiting.join(60)
    assert first.wait(60) == 0
    assert [store.fingerprint for store in found] == [fingerprint]
    assert source.asked == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_build_leaves_nothing_half_made(how, folder):
    process = start()
    assert process.stdout.readline() == "half\n"
    process.send_signal(how)
    process.communicate(timeout=60)
    assert not path_of("slow").exists()
    assert cached_store("slow", Source(5)).counts == {"Patient": 5}
    assert sorted(path.suffix for path in folder.iterdir()) == [".db", ".json", ".lock"]


def test_a_failing_source_leaves_nothing(folder):
    def broken():
        yield PATIENT
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        cached_store("broken", broken)
    assert [path.suffix for path in folder.iterdir()] == [".lock"]


def test_a_full_disk_is_told_before_the_work(monkeypatch, folder):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 0))
    source = Source()
    with pytest.raises(CacheError, match=r"about 50 MB are needed and 0 MB are free.*MEDENV_CACHE_DIR") as caught:
        cached_store("some", source, needs=50_000_000)
    assert str(folder) in str(caught.value)
    assert source.asked == 0


LIMITED = """
import resource, signal
from medenv.fhir.cache import CacheError, cached_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    cached_store("big", lambda: ({"resourceType": "Patient", "id": f"P{n}"} for n in range(30_000)))
except CacheError as error:
    print("told:", error)
"""


def test_a_file_that_can_not_grow_is_told(folder):
    """The limit on file sizes stands for a disk that fills up during the build."""
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("told:"), done.stderr
    assert "MEDENV_CACHE_DIR" in done.stdout
    assert [path.suffix for path in folder.iterdir()] == [".lock"]


def test_a_folder_that_is_none_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MEDENV_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(CacheError, match="MEDENV_CACHE_DIR"):
        cached_store("some", Source())


def test_a_store_is_usable_where_nothing_can_be_written(folder):
    path = cached_store("some", Source()).path
    shutil.rmtree(path.parent / "some", ignore_errors=True)
    (path.with_suffix(".lock")).unlink(missing_ok=True)
    os.chmod(folder, 0o500)
    try:
        assert trusted(path) is not None
        assert cached_store("some", Source()).counts == {"Patient": 300}
        assert not Path(path.with_suffix(".lock")).exists()
    finally:
        os.chmod(folder, 0o700)
