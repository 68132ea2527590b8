"""What commands print on terminals of 60, 80 and 120 columns: names, counts and accuracy whole, no id cut."""

import pytest

from tests.cli.inside import medenv

LONG = "anthropic-claude-sonnet-4-5-20250929-with-thinking-high-temperature-0.7"
OTHER = "openrouter-qwen3-235b-a22b-instruct-2507-temperature-0.7"
TYPES = ("1 find-patient", "3 record-blood-pressure", "9 replace-potassium", "10 renew-hba1c")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, agent in ((LONG, "glance"), (OTHER, "random")):
        done = medenv("rollout", "--agent", agent, "--out", f"stored/{name}", cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


COMMANDS = [
    (("eval", "--agent", "glance", "--limit", "20"), (*TYPES, "episodes", "correct", "accuracy", "50.0 %")),
    (("grade", f"stored/{LONG}"), (*TYPES, "30/300", "10.0 %", "26.7 %")),
    (("runs", "show", f"stored/{LONG}"), (*TYPES, "300", "10.0 %")),
    (("runs", "show", f"stored/{LONG}", "--rows", "40"), ("task1_30", "task2_10", "line", "score", "why")),
    (("runs", "list", "stored"), ("300/300", "30/300", "10.0 %", "0/300", "0.0 %")),
    (("compare", f"stored/{LONG}", f"stored/{OTHER}"), (*TYPES, "10.0 %", "26.7 %", "300")),
    (("models",), ("claude-opus-4.5", "mistral-small-3.2-24b-instruct", "OPENROUTER_API_KEY")),
    (("tasks",), (*TYPES, "tasks", "branches")),
    (("tasks", "--type", "9"), ("task9_1 ", "task9_30", "instruction")),
    (("tasks", "--floors", "--type", "1"), ("1 find-patient", "0/30 (0.0 %)", "73.3 %")),
    (("data", "info", "--split", "builtin", "--report"), ("Observation", "official")),
]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(("command", "whole"), COMMANDS, ids=lambda one: " ".join(one)[:24])
def test_tables_fit(runs, command, whole, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    done = medenv(*command, cwd=runs)
    assert done.returncode == 0, done.stderr
    assert "…" not in done.stdout
    for word in whole:
        assert word in done.stdout, word
    for table in tables(done.stdout):
        assert max(map(len, table)) <= width


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_run_is_cut(runs, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    (table,) = tables(medenv("runs", "list", "stored", cwd=runs).stdout)
    assert "".join(line.split("  ")[0] for line in table[1:]) == f"stored/{LONG}stored/{OTHER}"


def tables(text):
    """Give the lines of each table from the rule below its headings to its last line."""
    found, inside = [], False
    for line in text.splitlines():
        rule = line.startswith("──")
        if rule and not inside:
            found.append([])
        inside = rule or (inside and "  " in line)
        if inside:
            found[-1].append(line)
    return found
