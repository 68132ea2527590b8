"""Making a dataset: what is refused, what is kept of many, and that a folder appears whole or not at all."""

import json
import os
from collections import Counter
from dataclasses import replace

import pytest

from medenv.agents import load
from medenv.rollouts import RunFolder, RunFolderError, read_run
from medenv.rollouts.export import FORMATS, PERMISSION, Options, export, export_prompts
from medenv.trajectories import Status
from tests.agents.openai_server import serving, solve
from tests.rollouts.export.runs import fill, runs

EVERY = ("reference", "glance", "random", "forks")
ROWS = [name for name in FORMATS if name != "minari"]


def rows_of(folder, part="train"):
    return [json.loads(line) for line in (folder / "data" / f"{part}.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("format", ROWS)
def test_episodes_of_the_test_split_are_refused_unless_allowed_in_words(tmp_path, format):
    fill(tmp_path / "run", "reference", "test", tasks=3)
    fill(tmp_path / "bad", "glance", "test", tasks=3)
    both = [tmp_path / "run", tmp_path / "bad"]
    with pytest.raises(ValueError, match=r"'test'.*allow-test-data"):
        export(format, both, tmp_path / "d")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "run"]
    with pytest.raises(ValueError, match="say"):
        Options(allow_test_data="yes")
    export(format, both, tmp_path / "d", Options(allow_test_data=PERMISSION))
    assert rows_of(tmp_path / "d")
    assert "has seen the test" in (tmp_path / "d" / "README.md").read_text()


def test_one_episode_of_the_test_split_among_others_is_enough(tmp_path):
    fill(tmp_path / "test", "reference", "test", tasks=1)
    with pytest.raises(ValueError, match="'test'"):
        export("sft", [*runs("reference"), tmp_path / "test"], tmp_path / "d")


def test_prompts_of_the_test_split_are_refused_too(tmp_path):
    from medenv.tasks import load_split

    with pytest.raises(ValueError, match="'test'"):
        export_prompts({"split": "test"}, load_split("test")[:3], tmp_path / "d")
    assert not list(tmp_path.iterdir())


def test_validation_episodes_go_to_a_file_of_their_own(tmp_path):
    fill(tmp_path / "validation", "reference", "validation", tasks=4)
    export("sft", [*runs("reference"), tmp_path / "validation"], tmp_path / "d")
    assert {row["split"] for row in rows_of(tmp_path / "d")} == {"train"}
    assert {row["split"] for row in rows_of(tmp_path / "d", "validation")} == {"validation"}


def test_a_share_of_tasks_is_held_out_whole(tmp_path):
    export("kto", runs(*EVERY), tmp_path / "d", Options(validation=0.4))
    train, held = ({row["task_id"] for row in rows_of(tmp_path / "d", part)} for part in ("train", "validation"))
    assert train
    assert held
    assert not train & held


@pytest.mark.parametrize("format", ROWS)
def test_infrastructure_errors_are_in_no_data(tmp_path, format):
    with RunFolder(tmp_path / "run", {}) as folder:
        for name in ("reference", "glance"):
            for number, one in enumerate(read_run(runs(name)[0])):
                again = replace(one, provenance={**one.provenance, "sample": len(name)})
                if number % 2:
                    again = replace(again, status=Status.INFRASTRUCTURE_ERROR, error="down", verdict=None)
                folder.append(again)
    report = export(format, [tmp_path / "run"], tmp_path / "d")
    assert report.left_out["infrastructure error"] == 20
    good = {one.task.id for one in read_run(tmp_path / "run") if one.verdict is not None}
    assert {row["task_id"] for row in rows_of(tmp_path / "d")} <= good


def test_thinning(tmp_path):
    everything = export("kto", runs(*EVERY), tmp_path / "all")
    rows = rows_of(tmp_path / "all")

    def strata(rows):
        return Counter((row["task_type"], row["branch"], row["label"]) for row in rows)

    rarest = min(strata(rows).values())
    export("kto", runs(*EVERY), tmp_path / "balanced", Options(balance=True))
    assert strata(rows_of(tmp_path / "balanced")) == dict.fromkeys(strata(rows), rarest)
    export("kto", runs(*EVERY), tmp_path / "capped", Options(per_branch=2))
    assert strata(rows_of(tmp_path / "capped")) == {key: min(2, n) for key, n in strata(rows).items()}
    report = export("kto", runs(*EVERY), tmp_path / "few", Options(limit=25))
    few = strata(rows_of(tmp_path / "few"))
    assert report.total == sum(few.values()) == 25
    for level in (1, 2, 3):  # types take turns, branches within a type, labels within a branch
        there, taken = Counter(), Counter()
        for key, count in strata(rows).items():
            there[key[:level]] += count
            taken[key[:level]] += few[key]
        for kind in there:
            siblings = [taken[other] for other in there if other[:-1] == kind[:-1]]
            assert taken[kind] in (there[kind], max(siblings), max(siblings) - 1)
    assert report.left_out["more than 25 in all"] == everything.total - 25
    export("kto", runs(*EVERY), tmp_path / "one", Options(per_task=1))
    assert set(Counter((row["task_id"], row["label"]) for row in rows_of(tmp_path / "one")).values()) == {1}


def test_long_episodes_are_left_out(tmp_path):
    report = export("kto", runs(*EVERY), tmp_path / "d", Options(max_turns=2, max_chars=20_000))
    for row in rows_of(tmp_path / "d"):
        said = row["prompt"] + row["completion"]
        assert sum(m["role"] == "assistant" for m in said) <= 2
        assert sum(len(m["content"]) for m in said) <= 20_000
    assert report.left_out["more than 2 turns"]


def test_another_grader_can_judge(tmp_path):
    strict = export("sft", runs("glance"), tmp_path / "strict")
    official = export("sft", runs("glance"), tmp_path / "official", Options(grader="official"))
    assert official.total > strict.total
    assert {row["grader"] for row in rows_of(tmp_path / "official")} == {"official"}


def test_report_and_card_say_what_is_there(tmp_path):
    report = export("dpo", runs(*EVERY), tmp_path / "d", Options(level="turn", limit=10, license="cc-by-4.0"))
    said = json.loads((tmp_path / "d" / "report.json").read_bytes())
    assert said["rows"] == report.total == len(rows_of(tmp_path / "d")) == 10
    assert sum(one["rows"] for one in said["by_type_and_branch"]) == 10
    card = (tmp_path / "d" / "README.md").read_text()
    front, _, body = card.removeprefix("---\n").partition("\n---\n")
    values = {key: json.loads(value) for key, _, value in (line.partition(": ") for line in front.splitlines())}
    assert values["license"] == "cc-by-4.0"
    assert [one["name"] for one in values["dataset_info"]["features"]] == list(rows_of(tmp_path / "d")[0])
    first = next(read_run(runs("reference")[0]))
    for fact in ("reference", "random", first.provenance["prompt"], first.provenance["data"], "`limit`: 10", "medenv"):
        assert fact in body


def test_nothing_is_written_where_something_is(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").write_text("x")
    for force in (False, True):
        with pytest.raises(ValueError, match="/d'"):
            export("sft", runs("reference"), tmp_path / "d", force=force)
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["mine.txt"]
    export("sft", runs("reference"), tmp_path / "e")
    with pytest.raises(ValueError, match="force"):
        export("kto", runs("reference"), tmp_path / "e")
    export("kto", runs("reference"), tmp_path / "e", force=True)
    assert "label" in rows_of(tmp_path / "e")[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "e"]


def test_a_failure_on_the_way_leaves_nothing_and_keeps_what_was(tmp_path, monkeypatch):
    export("sft", runs("reference"), tmp_path / "d")
    before = (tmp_path / "d" / "data" / "train.jsonl").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("medenv.rollouts.export.folder.Rows.add", full)
    with pytest.raises(OSError, match="No space"):
        export("sft", runs("glance"), tmp_path / "d", force=True)
    assert (tmp_path / "d" / "data" / "train.jsonl").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_a_dataset_without_rows_says_why(tmp_path):
    fill(tmp_path / "run", "empty", tasks=4)
    with pytest.raises(ValueError, match="4 not solved"):
        export("sft", [tmp_path / "run"], tmp_path / "d")
    with pytest.raises(ValueError, match="no passed attempt"):
        export("dpo", [tmp_path / "run"], tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_damaged_runs_are_named(tmp_path):
    with RunFolder(tmp_path / "run", {}) as folder:
        for one in read_run(runs("reference")[0]):
            folder.append(one)
    content = folder.trajectories.read_bytes()
    folder.trajectories.write_bytes(content.replace(b"FINISH", b"FINISK", 1))
    with pytest.raises(RunFolderError, match="line 1"):
        export("sft", [tmp_path / "run"], tmp_path / "d")
    folder.trajectories.write_bytes(content[:-30])  # the last line of a run that is still being written
    assert export("sft", [tmp_path / "run"], tmp_path / "d").total == 19
    with pytest.raises(RunFolderError, match="nowhere"):
        export("sft", [tmp_path / "nowhere"], tmp_path / "e")
    with pytest.raises(RunFolderError, match="'run'"):
        export("sft", [tmp_path / "run", tmp_path / "run"], tmp_path / "e")


def test_runs_in_two_protocols_are_written_in_one(tmp_path):
    with pytest.raises(ValueError, match="--protocol"):
        export("sft", runs("reference", "tools"), tmp_path / "d")
    report = export("sft", runs("reference", "tools"), tmp_path / "d", Options(protocol="tools"))
    assert all(row["tools"] for row in rows_of(tmp_path / "d"))
    assert report.total == 40, "a call and the text for it may differ in form; both are told as calls"


def test_no_secret_and_no_address_gets_into_data(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDENV_API_KEY", "sk-secret-of-mine")
    with serving(solve) as (base, _):
        policy = load("llm", model="my-model", base_url=base)
        fill(tmp_path / "runs" / "llm", policy, "builtin", tasks=40)
        asked = load("llm", model="my-model", base_url=base, api_key_env="MEDENV_API_KEY")
        fill(tmp_path / "runs" / "more", asked, "builtin", tasks=10, seed=1)
    fill(tmp_path / "runs" / "blind", "blind", "builtin", tasks=40)
    assert f":{base.rsplit(':', 1)[1]}" in (tmp_path / "runs" / "llm" / "trajectories.jsonl").read_text()
    monkeypatch.chdir(tmp_path / "runs")
    port = base.rsplit(":", 1)[1].split("/")[0]
    for format in ROWS:
        export(format, ["llm", "more", "blind"], tmp_path / format)
        for file in (tmp_path / format).rglob("*"):
            if file.is_file():
                content = file.read_text()
                for secret in ("sk-secret", f":{port}", str(tmp_path), os.path.expanduser("~") + "/"):
                    assert secret not in content, f"{secret} in {file}"
        assert "my-model" in (tmp_path / format / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"keep": "some"}, "some"),
        ({"level": "word"}, "trajectory"),
        ({"margin": 0}, "margin"),
        ({"validation": 1.0}, "validation"),
        ({"pass_rate": (0.5, 0.1)}, "pass_rate"),
        ({"length_ratio": 0.5}, "length_ratio"),
        ({"limit": 0}, "limit"),
        ({"file": "csv"}, "parquet"),
    ],
)
def test_options_are_checked(options, word):
    with pytest.raises(ValueError, match=word):
        Options(**options)


def test_an_unknown_format_is_answered_with_those_there_are(tmp_path):
    with pytest.raises(LookupError, match="sharegpt"):
        export("sharegtp", runs("reference"), tmp_path / "d")
