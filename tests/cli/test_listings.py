"""`--json` of every listing, and long answers folded."""

import json

import pytest

from tests.cli.inside import medenv


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    for agent in ("blind", "reference"):
        arguments = ("--agent", agent, "--split", "builtin", "--type", "3", "--out", agent)
        assert medenv("eval", *arguments, cwd=folder).returncode == 0
    return folder


class TestJson:
    def loaded(self, folder, *arguments):
        done = medenv(*arguments, "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def test_tasks(self, folder):
        types = self.loaded(folder, "tasks", "--split", "builtin")["types"]
        assert [one["tasks"] for one in types] == [30] * 10
        tasks = self.loaded(folder, "tasks", "--split", "builtin", "--type", "9")["tasks"]
        assert {"id", "type", "patient", "branch", "instruction", "context"} == set(tasks[0])
        made = self.loaded(folder, "tasks", "--split", "train", "--limit", "20")
        assert sum(one["tasks"] for one in made["types"]) == 20

    def test_runs(self, folder):
        listed = self.loaded(folder, "runs", "list", ".")
        assert [(one["run"], one["passed"], one["scored"]) for one in listed] == [
            ("blind", 15, 30),
            ("reference", 30, 30),
        ]
        shown = self.loaded(folder, "runs", "show", "blind")
        assert shown["summary"]["total"]["passed"] == 15
        assert shown["settings"]["agent"] == {"name": "blind"}
        rows = self.loaded(folder, "runs", "show", "blind", "--rows", "3", "--failed")
        assert [one["score"] for one in rows] == [0.0] * 3
        (episode,) = self.loaded(folder, "runs", "show", "blind", "--line", "2")
        assert episode["messages"][0]["role"] == "user"

    def test_compare(self, folder):
        found = self.loaded(folder, "compare", "blind", "reference")
        assert {one["run"] for one in found["runs"]} == {"blind", "reference"}
        (pair,) = found["comparisons"]
        assert (pair["first"], pair["second"], pair["all"]["gained"]) == ("blind", "reference", 15)
        assert set(pair["types"]) == {"3"}

    def test_grade(self, folder):
        found = self.loaded(folder, "grade", "reference", "--grader", "official")
        assert (found["grader"], found["ungraded"], found["summary"]["total"]["passed"]) == ("official", [], 30)

    def test_data_info(self, folder):
        found = self.loaded(folder, "data", "info", "--split", "builtin", "--report")
        assert "sha256:" in found["fingerprint"]
        assert found["resources"]["Patient"] > 0
        assert found["distribution"]


def test_long_answers_are_folded_unless_all_is_wanted(tmp_path):
    arguments = ("--agent", "reference", "--split", "builtin", "--type", "2", "--limit", "1", "--out", "run")
    assert medenv("eval", *arguments, cwd=tmp_path).returncode == 0
    folded, raw = (
        medenv("runs", "show", "run", "--line", "1", *more, cwd=tmp_path).stdout for more in ((), ("--raw",))
    )
    assert "--raw shows them" in folded
    assert "resources found" in folded
    assert '"resourceType": "Bundle"' in raw
    assert len(raw.splitlines()) > 2 * len(folded.splitlines())
