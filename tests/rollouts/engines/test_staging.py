"""What travels to workers on other machines: the charts' store once a node, and files that a split is read from."""

import json
from functools import partial

from medenv.agents import load
from medenv.episode import Benchmark, BenchmarkConfig
from medenv.fhir import cache
from medenv.fhir.cache import adopt
from medenv.rollouts import Setup
from medenv.rollouts.engines.staging import stage, unstage
from medenv.rollouts.engines.worker import Worker


def test_a_node_gets_the_store_once_and_builds_nothing(tmp_path, monkeypatch):
    with Benchmark("builtin") as benchmark:
        setup = Setup(BenchmarkConfig(split="builtin"), partial(load, "random"), benchmark.backend.fingerprint)
        pieces = []
        staged = stage(setup, benchmark, lambda piece: pieces.append(piece) or len(pieces) - 1)
    monkeypatch.setenv("MEDENV_CACHE_DIR", str(tmp_path / "node"))
    monkeypatch.setattr(cache, "build", None)
    opened = []

    def get(piece):
        opened.append(piece)
        return pieces[piece]

    for _ in range(3):
        Worker(unstage(setup, staged, get))
    assert opened == list(range(len(pieces)))


def test_official_rows_and_charts_travel_with_the_run(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    charts = home / "charts.ndjson"
    charts.write_text('{"resourceType": "Patient", "id": "S1"}\n')
    rows = home / "test_data_v2.json"
    rows.write_text(json.dumps([{"id": "task2_1", "instruction": "How old is S1?", "context": "", "eval_MRN": "S1"}]))
    for official in (home, rows):
        arguments = {"split": "official", "official": official, "charts": charts}
        with Benchmark(**arguments) as benchmark:
            setup = Setup(BenchmarkConfig(**arguments), partial(load, "empty"), benchmark.backend.fingerprint)
            staged = stage(setup, benchmark, bytes)
        with monkeypatch.context() as patched:
            patched.setenv("MEDENV_CACHE_DIR", str(tmp_path / "node"))
            there = unstage(setup, staged, bytes)
            assert str(tmp_path / "node") in str(there.config.official)
            assert str(tmp_path / "node") in str(there.config.charts)
            Worker(there)


def test_a_file_that_changed_in_the_cache_is_taken_anew(tmp_path):
    target = tmp_path / "cache" / "thing"
    adopt(target, lambda: [b"ab", b"c"])
    adopt(target, lambda: [b"never asked"])
    assert target.read_bytes() == b"abc"
    target.write_bytes(b"broken")
    adopt(target, lambda: [b"abc"])
    assert target.read_bytes() == b"abc"
