"""Pairs: the same task, the same history, the better before the worse, and both sides are what was really played."""

import json
from collections import Counter

import pytest

from medenv.grading import OfficialGrader, StrictGrader
from medenv.rollouts import open_benchmark, read_run, replay, retrace
from medenv.rollouts.export import Options, export
from medenv.rollouts.export.provenance import episode_name
from tests.rollouts.export.runs import runs

EVERY = ("reference", "glance", "random", "forks")


def pairs(tmp_path, names=EVERY, **options):
    report = export("dpo", runs(*names), tmp_path / "d", Options(**options))
    return report, [json.loads(line) for line in (tmp_path / "d" / "data" / "train.jsonl").read_bytes().splitlines()]


def episodes(*names):
    return {(folder.name, episode_name(one)): one for folder in runs(*names) for one in read_run(folder)}


def sides(row, played):
    return played[row["run"], row["episode"]], played[row["rejected_run"], row["rejected_episode"]]


def test_trajectory_pairs_are_a_passed_and_a_failed_episode_of_one_task(tmp_path):
    _, rows = pairs(tmp_path)
    played, used = episodes(*EVERY), Counter()
    for row in rows:
        chosen, rejected = sides(row, played)
        assert chosen.task == rejected.task
        assert (chosen.verdict["score"], rejected.verdict["score"]) == (1.0, 0.0)
        for one, said in ((chosen, row["chosen"]), (rejected, row["rejected"])):
            assert row["prompt"] + said == one.messages
        used.update([(row["run"], row["episode"]), (row["rejected_run"], row["rejected_episode"])])
    assert rows
    assert set(used.values()) == {1}, "no episode stands in two pairs"


def test_turn_pairs_share_a_history_and_replay_from_it_to_both_ends(tmp_path):
    _, rows = pairs(tmp_path, level="turn")
    played = episodes(*EVERY)
    assert {row["turn"] for row in rows} >= {0, 1}, "pairs further on than the first reply"
    for row in rows:
        chosen, rejected = sides(row, played)
        turn = row["turn"]
        assert chosen.conversation(turn).messages == rejected.conversation(turn).messages == row["prompt"]
        assert [[chosen.turns[turn].said], [rejected.turns[turn].said]] == [row["chosen"], row["rejected"]]
        assert row["chosen"] != row["rejected"]
        assert row["chosen_score"] - row["rejected_score"] >= 0.5
        with open_benchmark(chosen, None) as benchmark:
            trunk = None
            for trunk in retrace(benchmark, chosen):
                if len(trunk.turns) == turn:
                    break
            branches = [(trunk.fork(), one) for one in (chosen, rejected)]
            for fork, one in branches:
                for number in range(turn, len(one.turns)):
                    fork.step(one.turns[number].said)
                    assert fork.turns[number].observation == one.turns[number].observation
                again = benchmark.finish(fork)
                assert (again.status, again.result) == (one.status, one.result)
                assert json.loads(json.dumps(again.verdict)) == one.verdict
            trunk.session.close()


def test_values_are_shares_of_continuations(tmp_path):
    _, rows = pairs(tmp_path, level="turn", margin=0.001)
    played = list(episodes(*EVERY).values())
    for row in rows:
        for side in ("chosen", "rejected"):
            upto = row["prompt"] + row[side]
            going_on = [one for one in played if one.task.id == row["task_id"] and one.messages[: len(upto)] == upto]
            assert row[f"{side}_count"] == len(going_on)
            assert row[f"{side}_score"] == pytest.approx(sum(o.verdict["score"] for o in going_on) / len(going_on))


def test_a_wide_margin_leaves_clear_cases_only(tmp_path):
    _, rows = pairs(tmp_path, level="turn", margin=1.0)
    assert rows
    assert all((row["chosen_score"], row["rejected_score"]) == (1.0, 0.0) for row in rows)


def test_loophole_pairs_prefer_what_both_graders_pass_to_what_the_official_one_alone_does(tmp_path):
    played = episodes(*EVERY)
    for level in ("trajectory", "turn"):
        report = export("dpo", runs(*EVERY), tmp_path / level, Options(against="loophole", level=level))
        rows = [json.loads(x) for x in (tmp_path / level / "data" / "train.jsonl").read_bytes().splitlines()]
        assert report.total == len(rows) > 0
        for row in rows:
            chosen, rejected = sides(row, played)
            assert StrictGrader().grade(chosen).passed
            assert OfficialGrader().grade(rejected).passed
            assert not StrictGrader().grade(rejected).passed


def test_length_control_leaves_out_lopsided_pairs(tmp_path):
    _, rows = pairs(tmp_path, length_ratio=1.3)
    assert rows
    for row in rows:
        written = [
            sum(len(m["content"]) for m in row[side] if m["role"] == "assistant") for side in ("chosen", "rejected")
        ]
        assert max(written) <= 1.3 * min(written)
    report = export("dpo", runs(*EVERY), tmp_path / "t", Options(level="turn", length_ratio=1.3))
    assert report.left_out["replies of too different length"] > 0


def test_every_trajectory_of_these_runs_replays(tmp_path):
    for one in episodes(*EVERY, "tools").values():
        with open_benchmark(one, None) as benchmark:
            replay(benchmark, one)


def test_kto_turns_are_labelled_only_where_others_had_the_same_history(tmp_path):
    export("kto", runs(*EVERY), tmp_path / "k", Options(level="turn"))
    rows = [json.loads(line) for line in (tmp_path / "k" / "data" / "train.jsonl").read_bytes().splitlines()]
    played = list(episodes(*EVERY).values())
    assert {row["label"] for row in rows} == {True, False}
    for row in rows:
        upto = row["prompt"] + row["completion"]
        of_task = [one for one in played if one.task.id == row["task_id"]]
        before = [one for one in of_task if one.messages[: len(row["prompt"])] == row["prompt"]]
        after = [one for one in before if one.messages[: len(upto)] == upto]
        share = [sum(one.verdict["score"] for one in some) / len(some) for some in (before, after)]
        assert share[0] > 0
        assert row["value"] == pytest.approx(share[1])
        assert share[1] >= share[0] if row["label"] else share[1] == 0
