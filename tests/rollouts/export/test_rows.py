"""What rows hold, format by format, and that each leads back to the episode that it is from."""

import json
from collections import Counter
from urllib.parse import unquote

import pytest

from medenv.agents import load
from medenv.agents.function_policy import FunctionPolicy
from medenv.protocol import Conversation, parse
from medenv.protocol.reply import Reply, ToolCall
from medenv.protocol.tools import TOOLS
from medenv.rollouts import read_run
from medenv.rollouts.export import FORMATS, Options, export
from medenv.rollouts.export.provenance import episode_name
from tests.rollouts.export.runs import fill, runs

EVERY = ("reference", "glance", "random", "forks")


def made(format, names, out, **options):
    report = export(format, runs(*names), out, Options(**options))
    rows = []
    for part in ("train", "validation"):
        file = out / "data" / f"{part}.jsonl"
        rows += [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []
    return report, rows


def episodes(*names):
    return {(folder.name, episode_name(one)): one for folder in runs(*names) for one in read_run(folder)}


def plain(messages):
    return json.loads(json.dumps(messages))


def same(row_messages, messages):
    """A row's messages say what the conversation's do; text is never null in a row, and arguments of calls are objects."""
    said = [
        {**{k: v for k, v in one.items() if v is not None}, "content": one["content"] or ""} for one in plain(messages)
    ]
    for call in (call for one in said for call in one.get("tool_calls", ())):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    assert row_messages == said


def test_sft_rows_are_the_solved_conversations_each_once(tmp_path):
    report, rows = made("sft", EVERY, tmp_path / "d")
    played = episodes(*EVERY)
    solved = {json.dumps(one.messages) for one in played.values() if one.verdict["score"] == 1.0}
    assert {json.dumps(row["messages"]) for row in rows} == solved
    assert len(rows) == len(solved) == report.total
    for row in rows:
        assert row["trained"] == [message["role"] == "assistant" for message in row["messages"]]
        same(row["messages"], played[row["run"], row["episode"]].messages)


def test_sft_turns_are_every_reply_with_exactly_its_history(tmp_path):
    _, rows = made("sft", ("reference",), tmp_path / "d", level="turn")
    played = episodes("reference")
    assert len(rows) == sum(len(one.turns) for one in played.values())
    for row in rows:
        one = played[row["run"], row["episode"]]
        same(row["prompt"], one.conversation(row["turn"]).messages)
        same(row["completion"], [one.turns[row["turn"]].said])


def test_tools_runs_keep_calls_and_functions(tmp_path):
    _, rows = made("sft", ("tools",), tmp_path / "d")
    played = episodes("tools")
    for row in rows:
        assert json.loads(row["tools"]) == plain(TOOLS)
        same(row["messages"], played[row["run"], row["episode"]].messages)
        assert row["messages"][1]["tool_calls"]


def test_arguments_of_calls_are_json_text_where_that_is_asked_for(tmp_path):
    _, rows = made("sft", ("tools",), tmp_path / "d", arguments="text")
    played = episodes("tools")
    for row in rows:
        calls = [call for one in played[row["run"], row["episode"]].messages for call in one.get("tool_calls") or ()]
        assert [call for one in row["messages"] for call in one.get("tool_calls", ())] == plain(calls)


@pytest.mark.parametrize("level", ["trajectory", "turn"])
def test_a_call_without_a_json_object_gives_no_row_of_objects(tmp_path, level):
    wrong = ['{"url": "Patient"', "[1]", '"Patient"', "", "null"]

    async def policy(messages):
        return Reply(calls=[ToolCall("get", wrong[len(messages.messages) // 2 % len(wrong)])])

    fill(tmp_path / "run", FunctionPolicy(policy), tasks=1, benchmark={"protocol": "tools"})
    text = Options(keep="all", level=level, arguments="text")
    assert export("sft", [tmp_path / "run"], tmp_path / "text", text).total > 0
    with pytest.raises(ValueError, match="JSON object"):
        export("sft", [tmp_path / "run"], tmp_path / "object", Options(keep="failed", level="trajectory"))


@pytest.mark.parametrize(("there", "back"), [("reference", "tools"), ("tools", "reference")])
def test_one_protocol_told_as_the_other_is_what_would_have_been_played(tmp_path, there, back):
    protocol = "tools" if back == "tools" else "text"
    _, rows = made("sft", (there,), tmp_path / "d", protocol=protocol, arguments="text")
    really = {one.task.id: one for one in episodes(back).values()}
    assert len(rows) == len(really)
    for row in rows:
        one = really[row["task_id"]]
        assert row["prompt_hash"] == one.provenance["prompt"]
        assert row["messages"][0] == one.messages[0]
        if protocol == "text":
            said = [m["content"] for m in row["messages"] if m["role"] == "assistant"]
            assert [parse(unquote(text)) for text in said] == [parse(unquote(turn.text)) for turn in one.turns]
        else:
            replies = [Reply.from_message(m) for m in row["messages"] if m["role"] == "assistant"]
            assert [reply.calls for reply in replies] == [Reply.from_message(turn.said).calls for turn in one.turns]
        shown = [m["content"] for m in row["messages"][1:] if m["role"] in ("user", "tool")]
        assert shown == [turn.observation for turn in one.turns if turn.observation is not None]


def test_sharegpt_alternates_and_says_the_same(tmp_path):
    for names, who in ((("reference",), "gpt"), (("tools",), "function_call")):
        _, rows = made("sharegpt", names, tmp_path / names[0])
        played = episodes(*names)
        for row in rows:
            said = [one["from"] for one in row["conversations"]]
            assert said[::2] == [
                "human",
                *["observation" if who == "function_call" else "human"] * (len(said) // 2 - 1),
            ]
            assert set(said[1::2]) == {who}
            one = played[row["run"], row["episode"]]
            if who == "gpt":
                assert [turn["value"] for turn in row["conversations"]] == [m["content"] for m in one.messages]
            else:
                call = json.loads(row["conversations"][1]["value"])
                function = one.turns[0].said["tool_calls"][0]["function"]
                assert call == {"name": function["name"], "arguments": json.loads(function["arguments"])}


def test_step_rewards_telescope_to_a_constant_of_the_task(tmp_path):
    gamma = 0.9
    _, rows = made("steps", EVERY, tmp_path / "d", gamma=gamma)
    assert len(rows) == len(episodes(*EVERY))
    shifts = {}
    for row in rows:
        turns, score = len(row["rewards"]), row["score"]
        assert row["rewards"] == [0.0] * (turns - 1) + [score]
        assert row["returns"][0] == pytest.approx(score * gamma ** (turns - 1))
        added = sum(
            gamma**i * (s - r) for i, (s, r) in enumerate(zip(row["shaped_rewards"], row["rewards"], strict=True))
        )
        shifts.setdefault(row["task_id"], set()).add(round(added, 9))
    assert all(len(values) == 1 for values in shifts.values())
    assert len(set().union(*shifts.values())) > 1


def test_step_rewards_rise_with_evidence_and_right_orders(tmp_path):
    _, rows = made("steps", ("reference",), tmp_path / "d")
    for row in rows:
        assert row["potentials"] == sorted(row["potentials"])
        assert row["potentials"][-1] == 0.5, "all was seen and done before the answer"
    _, turns = made("steps", ("reference",), tmp_path / "t", level="turn")
    assert [t["potential"] for t in turns] == [p for row in rows for p in row["potentials"]]


def test_kto_labels_are_the_verdicts(tmp_path):
    report, rows = made("kto", EVERY, tmp_path / "d")
    played = episodes(*EVERY)
    for row in rows:
        one = played[row["run"], row["episode"]]
        assert row["label"] is (one.verdict["score"] == 1.0)
        same(row["prompt"] + row["completion"], one.messages)
    assert report.labels == Counter(row["label"] for row in rows)
    assert set(report.labels) == {True, False}


def test_prompts_hold_their_task(tmp_path):
    from medenv.episode import Benchmark
    from medenv.rollouts.export import open_row

    _, rows = made("grpo", EVERY, tmp_path / "d")
    played = list(episodes(*EVERY).values())
    assert len(rows) == len({one.task.id for one in played})
    for row in rows:
        of_task = [one for one in played if one.task.id == row["task_id"]]
        assert row["attempts"] == len(of_task)
        assert row["pass_rate"] == pytest.approx(sum(one.verdict["score"] for one in of_task) / len(of_task))
        with Benchmark(**json.loads(row["benchmark"])) as benchmark:
            episode = open_row(row, benchmark)
            same(row["prompt"], episode.messages)
            assert episode.task == of_task[0].task
            solution = next(one for one in of_task if one.verdict["score"] == 1.0)
            for turn in solution.turns:
                episode.step(turn.said)
            assert benchmark.finish(episode).verdict["score"] == 1.0
            with pytest.raises(ValueError, match=r"train \(version 1\).*train \(version 2\)"):
                open_row({**row, "split_version": 1}, benchmark)
    _, some = made("grpo", EVERY, tmp_path / "e", pass_rate=(0.0, 0.2))
    assert {row["task_id"] for row in some} == {row["task_id"] for row in rows if row["pass_rate"] <= 0.2}


def test_thoughts_are_given_if_asked_for(tmp_path):
    from dataclasses import replace

    from medenv.rollouts import RunFolder

    with RunFolder(tmp_path / "run", {}) as folder:
        for one in read_run(runs("reference")[0]):
            folder.append(
                replace(one, turns=[replace(turn, reasoning=f"because {n}") for n, turn in enumerate(one.turns)])
            )
    for level in ("trajectory", "turn"):
        export("sft", [tmp_path / "run"], tmp_path / level, Options(reasoning=True, level=level))
        for line in (tmp_path / level / "data" / "train.jsonl").read_bytes().splitlines():
            row = json.loads(line)
            said = row.get("messages") or [*row["prompt"], *row["completion"]]
            thoughts = [m.get("reasoning_content") for m in said if m["role"] == "assistant"]
            assert thoughts == [f"because {n}" for n in range(len(thoughts))]
    export("sft", [tmp_path / "run"], tmp_path / "without")
    assert b"because" not in (tmp_path / "without" / "data" / "train.jsonl").read_bytes()


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "minari"])
@pytest.mark.parametrize("level", ["trajectory", "turn"])
def test_the_same_runs_and_seed_give_the_same_bytes(tmp_path, format, level):
    contents = []
    for name in "ab":
        made(format, EVERY, tmp_path / name / "d", level=level, per_task=2, limit=30, validation=0.2)
        contents.append(
            {f.relative_to(tmp_path / name): f.read_bytes() for f in (tmp_path / name).rglob("*") if f.is_file()}
        )
    assert contents[0] == contents[1]


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "minari"])
def test_every_row_says_where_it_is_from(tmp_path, format):
    _, rows = made(format, EVERY, tmp_path / "d")
    played = episodes(*EVERY)
    for row in rows:
        one = played[row["run"], row["episode"]] if format != "grpo" else None
        assert row["license"] == "apache-2.0"
        assert row["split"] == "train"
        assert row["data_fingerprint"].startswith("charts/2:sha256:")
        assert row["prompt_hash"].startswith("sha256:")
        assert row["medenv"]
        if one is not None:
            assert (row["task_id"], row["score"]) == (one.task.id, one.verdict["score"])
            assert row["data_fingerprint"] == one.provenance["data"]


def test_conversations_of_rows_are_conversations_again(tmp_path):
    _, rows = made("sft", ("reference",), tmp_path / "d")
    assert all(Conversation.of(row["messages"]).prompt == row["messages"][0]["content"] for row in rows)


def test_tasks_of_another_seed_are_found_again(tmp_path):
    fill(tmp_path / "seven", "reference", tasks=5, benchmark={"task_seed": 7})
    export("steps", [tmp_path / "seven"], tmp_path / "d")
    assert len((tmp_path / "d" / "data" / "train.jsonl").read_bytes().splitlines()) == 5


@pytest.mark.parametrize("protocol", ["text", "tools"])
def test_sharegpt_rows_that_run_out_of_turns_end_with_the_models_words(tmp_path, protocol):
    wanders = load("scripted", script=["GET Patient?_count=1"] * 3)
    fill(tmp_path / "run", wanders, tasks=3, benchmark={"max_turns": 3, "protocol": protocol})
    report = export("sharegpt", [tmp_path / "run"], tmp_path / "made", Options(keep="all"))
    rows = [json.loads(line) for line in (tmp_path / "made" / "data" / "train.jsonl").read_bytes().splitlines()]
    assert len(rows) == 3
    assert {row["conversations"][-1]["from"] for row in rows} == {"gpt" if protocol == "text" else "function_call"}
    assert {len(row["conversations"]) for row in rows} == {6}
    assert sum(report.to_dict()["shortened"].values()) == 3
    assert "last answer" in (tmp_path / "made" / "README.md").read_text()
