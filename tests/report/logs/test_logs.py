"""Runs in other viewers' forms: each by the form's own rules, checks as PASS and FAIL, and infrastructure errors as errors."""

import json
import sys

import pytest

from medenv.report.logs import FORMATS, atif, export_logs, session
from medenv.rollouts import RunFolder, fingerprint_of_run
from tests.cli.inside import medenv
from tests.report.logs.made_up import broken, called, failed
from tests.rollouts.export.runs import fill, runs

FOLDERS = ("atif", "hf-traces")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "made-up"
    with RunFolder(folder, {"split": "builtin", "agent": {"name": "llm"}}) as stored:
        for one in (called(), failed(), broken()):
            stored.append(one)
    return folder


def check_atif(found):
    """ATIF 1.8's rules, as far as medenv's trajectories can touch them (harbor.models.trajectories)."""
    assert found["schema_version"] == "ATIF-v1.8"
    assert {"name", "version"} <= set(found["agent"]) <= {"name", "version", "model_name", "tool_definitions", "extra"}
    assert [step["step_id"] for step in found["steps"]] == list(range(1, len(found["steps"]) + 1))
    for step in found["steps"]:
        allowed = {"step_id", "source", "message", "extra", "observation"}
        if step["source"] == "agent":
            allowed |= {"reasoning_content", "tool_calls", "metrics", "model_name"}
        assert set(step) <= allowed
        assert isinstance(step["message"], str)
        calls = [call["tool_call_id"] for call in step.get("tool_calls", ())]
        assert all(isinstance(call["arguments"], dict) for call in step.get("tool_calls", ()))
        for result in step.get("observation", {}).get("results", ()):
            assert result.get("source_call_id") in [*calls, None]
    assert found["final_metrics"]["total_steps"] == len(found["steps"])


def check_session(lines):
    """The Hub's session traces, as its description says: a session, then messages."""
    first, *rest = lines
    assert set(first) == {"type", "harness", "id"}
    assert (first["type"], first["harness"]) == ("session", "medenv")
    known: set[str] = set()
    for line in rest:
        assert set(line) == {"type", "message"}
        assert line["type"] == "message"
        message = line["message"]
        assert message["role"] in ("system", "user", "assistant", "tool")
        assert isinstance(message["content"], str)
        assert set(message) <= {"role", "content", "reasoningContent", "toolCalls", "toolCallId", "model"}
        for call in message.get("toolCalls", ()):
            assert set(call) == {"id", "function"}
            assert isinstance(call["function"]["arguments"], str)
            known.add(call["id"])
        if message["role"] == "tool":
            assert message["toolCallId"] in known


def test_atif_holds_calls_thoughts_tokens_and_the_verdict_apart_from_the_conversation():
    found = atif(called(), "run")
    check_atif(found)
    agent = [step for step in found["steps"] if step["source"] == "agent"]
    first = agent[0]
    assert first["reasoning_content"] == "hm"
    assert first["tool_calls"][0]["arguments"] == {"identifier": "S1"}
    assert first["tool_calls"][1] == {
        "tool_call_id": "call_0_1",
        "function_name": "finish",
        "arguments": {},
        "extra": {"arguments_text": "[oh"},
    }
    assert [one["source_call_id"] for one in first["observation"]["results"]] == ["call_0_0", "call_0_1"]
    assert first["metrics"] == {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "cached_tokens": 50,
        "cost_usd": 0.25,
        "prompt_token_ids": [1, 2],
        "completion_token_ids": [3],
        "logprobs": [-0.5],
    }
    assert found["final_metrics"]["total_cost_usd"] == 0.5
    assert found["final_metrics"]["total_prompt_tokens"] == 200
    assert "PASS answer: expected [1.5]" in found["notes"]
    assert found["extra"]["reward"] == 1.0
    assert "PASS" not in json.dumps(found["steps"]), "the grader's words are no part of the conversation"


@pytest.mark.parametrize("make", [called, failed, broken])
def test_a_session_is_of_the_hubs_form(make):
    check_session(list(session(make(), "run")))


def test_checks_go_along_as_pass_and_fail():
    for text in (atif(failed(), "run")["notes"], list(session(failed(), "run"))[-1]["message"]["content"]):
        assert "PASS finished" in text.splitlines()[1]
        assert "FAIL answer: expected [1.5]; found [2]" in text.splitlines()


def test_an_infrastructure_error_is_an_error_and_no_zero(run, tmp_path):
    found = atif(broken(), "run")
    assert found["notes"].startswith("ERROR")
    assert not {"reward", "verdict"} & set(found["extra"])
    assert list(session(broken(), "run"))[-1]["message"]["content"].startswith("ERROR")
    for format in FOLDERS:
        export_logs(format, run, tmp_path / format)
        assert json.loads((tmp_path / format / "report.json").read_bytes())["infrastructure_errors"] == 1


@pytest.mark.parametrize("format", FOLDERS)
def test_every_episode_is_a_file_and_nothing_tells_an_address(format, run, tmp_path):
    out, count = export_logs(format, run, tmp_path / "out")
    assert count == len(list((out / "data").iterdir())) == 3
    text = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert b"hunter2" not in text
    assert b"example.org" not in text
    assert fingerprint_of_run(run).encode() in text


@pytest.mark.parametrize("format", FOLDERS)
def test_nothing_is_written_over_unless_it_is_said(format, run, tmp_path):
    out, _ = export_logs(format, run, tmp_path / "out")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="--force"):
        export_logs(format, run, out)
    export_logs(format, run, out, force=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before, "to the byte"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="not replaced"):
        export_logs(format, run, mine, force=True)
    assert (mine / "thesis.txt").exists()


def test_a_damaged_run_leaves_nothing(run, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "trajectories.jsonl").write_bytes((run / "trajectories.jsonl").read_bytes() + b"{}\n")
    for format in FOLDERS:
        with pytest.raises(ValueError, match="line 4"):
            export_logs(format, bad, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad"]


def test_the_command_and_its_mistakes(run, tmp_path):
    done = medenv("export", "atif", run, "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 episodes" in done.stdout
    assert medenv("export", "atif", run, "-o", "out", cwd=tmp_path).returncode == 2
    assert medenv("export", "hf-traces", tmp_path / "none", cwd=tmp_path).returncode == 2
    with pytest.raises(LookupError, match="hf-traces"):
        export_logs("hf_traces", run)


def test_inspect_says_what_it_needs(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    done = medenv("export", "inspect", run, "-o", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "[inspect]" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("reference") / "reference", "reference", "test", tasks=300)


def test_300_of_300_are_valid_by_the_formats_own_models(reference, run, tmp_path, figures):
    models = pytest.importorskip("atif", reason="the package atif (of the extra test-view) is not installed")
    valid = 0
    for number, folder in enumerate((reference, run, *runs("tools", "random"))):
        out, count = export_logs("atif", folder, tmp_path / str(number))
        for path in (out / "data").iterdir():
            models.Trajectory.model_validate_json(path.read_bytes())
            valid += 1
        if folder == reference:
            assert valid == count == 300
            figures(f"ATIF: {valid} of {count} valid")


def test_inspect_reads_the_log_back_and_bundles_it(reference, run, tmp_path, figures):
    log = pytest.importorskip("inspect_ai.log", reason="the extra inspect is not installed")
    from inspect_ai.log import bundle_log_dir

    first, count = export_logs("inspect", reference, tmp_path / "logs")
    found = log.read_eval_log(str(first))
    assert count == len(found.samples) == found.results.total_samples == 300
    assert found.results.scores[0].metrics["accuracy"].value == 1.0
    assert all(one.scores["strict"].value == 1.0 for one in found.samples)
    assert "PASS answer" in found.samples[0].scores["strict"].explanation
    assert found.eval.metadata["fingerprint"] == fingerprint_of_run(reference)
    figures(f"Inspect: {count} episodes in {first.stat().st_size / 1e6:.1f} MB")

    second, _ = export_logs("inspect", run, tmp_path / "logs" / "made-up.eval")
    solved, lost, down = sorted(log.read_eval_log(str(second)).samples, key=lambda one: one.epoch)
    assert [one.role for one in solved.messages] == ["system", "user", "assistant", "tool", "tool", "assistant"]
    assert solved.messages[2].tool_calls[0].arguments == {"identifier": "S1"}
    assert solved.messages[2].tool_calls[1].parse_error
    assert solved.model_usage
    assert solved.messages[2].content[0].reasoning == "hm"
    assert "FAIL answer: expected [1.5]; found [2]" in lost.scores["strict"].explanation
    assert lost.limit.type == "turn"
    assert down.scores is None
    assert down.error.message == "the provider was down"
    header = log.read_eval_log(str(second)).results
    assert (header.total_samples, header.completed_samples) == (3, 2)
    assert header.scores[0].metrics["accuracy"].value == 0.5
    assert b"hunter2" not in log.read_eval_log(str(second)).model_dump_json().encode()

    with pytest.raises(ValueError, match="--force"):
        export_logs("inspect", run, second)
    export_logs("inspect", run, second, force=True)
    bundle_log_dir(str(tmp_path / "logs"), str(tmp_path / "bundle"))
    assert (tmp_path / "bundle" / "index.html").exists()
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == sorted([first.name, second.name])


def test_there_is_a_command_for_each_format():
    from medenv.cli.export import app

    assert {command.name for command in app.registered_commands} == set(FORMATS)
