"""``medenv play`` through a pseudo-terminal, as a person types into it."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from medenv.agents import load
from medenv.agents.human import HumanPolicy, doubt, unfinished
from medenv.cli.chart_tables import digest, overview, section
from medenv.episode import Benchmark
from medenv.rollouts import play, read_run

pexpect = pytest.importorskip("pexpect", reason="pexpect is in the extra 'test'")
if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

MEDENV = "from medenv.cli import main; main()"
TASK = "task9_2"


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("test") as opened:
        yield opened


@pytest.fixture(scope="module")
def solution(benchmark):
    """What the reference writes, action by action."""
    solved = asyncio.run(play(benchmark, load("reference"), benchmark.tasks.task(TASK)))
    assert solved.verdict["score"] == 1.0
    return [turn.text for turn in solved.turns]


class Person:
    """Types and reads."""

    def __init__(self, folder, *arguments):
        # Without NO_CPR the line editor asks the terminal where its cursor is, and waits for an answer that nobody gives.
        env = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.child = pexpect.spawn(
            sys.executable,
            ["-c", MEDENV, "play", *arguments],
            cwd=str(folder),
            env=env,
            encoding="utf-8",
            dimensions=(50, 200),
            timeout=60,
        )
        self.child.delaybeforesend = None

    def types(self, text, sees, turn=1):
        """Type a text once the prompt of a turn is there, and wait for something to be shown."""
        self.child.expect_exact(f"turn {turn}/8>")
        self.child.send(text.replace("\n", "\r") + "\r")
        self.child.expect_exact(sees)

    def ends(self):
        self.child.expect(pexpect.EOF)
        self.child.close()
        assert self.child.signalstatus is None
        return self.child.exitstatus


@pytest.fixture
def person(tmp_path):
    people = []

    def sit_down(*arguments):
        people.append(Person(tmp_path, *arguments))
        return people[-1]

    yield sit_down
    for one in people:
        one.child.close(force=True)


def test_a_whole_episode_is_solved_and_stored(person, solution, tmp_path):
    me = person("--task", TASK, "--out", "mine")
    me.child.expect_exact("Potassium is coded")
    for turn, text in enumerate(solution[:-1], 1):
        assert len(text.splitlines()) > 1 or text.startswith("GET")
        me.types(text, "a model is shown" if text.startswith("GET") else '"resourceType"', turn)
    me.types(solution[-1], "score 1 by the grader strict", len(solution))
    assert me.ends() == 0
    (stored,) = read_run(tmp_path / "mine")
    assert [turn.text.strip() for turn in stored.turns] == [text.strip() for text in solution]
    assert stored.verdict["score"] == 1.0
    assert stored.provenance["agent"] == {"name": "human"}
    assert stored.provenance["assisted"] is False


def test_a_slip_is_asked_about_and_costs_no_turn(person, tmp_path):
    me = person("--task", TASK, "--out", "mine")
    me.types("gett Patient", "[y/N]")
    me.child.send("\r")
    me.types("get Patient?name=x", "in capitals")
    me.child.expect_exact("[y/N]")
    me.child.send("n\r")
    me.types('POST Observation\n{"a": \n', "not JSON")
    me.child.expect_exact("[y/N]")
    me.child.send("no\r")
    me.types("FINISH(5)", "JSON list")
    me.child.expect_exact("[y/N]")
    me.child.send("n\r")
    me.types("history", "no turn taken yet")
    me.types("nonsense", "[y/N]")
    me.child.send("y\r")
    me.child.expect_exact("agent invalid action")
    assert me.ends() == 0
    (stored,) = read_run(tmp_path / "mine")
    assert [turn.text for turn in stored.turns] == ["nonsense"]


def test_commands_cost_nothing_and_the_chart_is_noted(person, tmp_path, benchmark):
    mrn = benchmark.tasks.task(TASK).mrn
    with benchmark.backend.open() as session:
        family = json.loads(session.get(f"Patient/{mrn}").body)["name"][0]["family"]
    me = person("--task", TASK, "--out", "mine")
    me.types("help", "Alt-Enter")
    me.types("prompt", "Each of your replies is exactly one action")
    me.types("task", "dosing rule")
    me.types("chart", "medications")
    me.types("chart labs K", "2.9 mmol/L")
    me.types("chart nothing", "it has: labs")
    me.types("chart S0000000", "no patient has the MRN")
    me.types(f"GET Patient?identifier={mrn}", family)
    me.types("history", "1  GET Patient", turn=2)
    me.types("history 1", family, turn=2)
    me.types("history 7", "no turn '7'", turn=2)
    me.types("FINISH([2.9])", "assisted", turn=2)
    assert me.ends() == 0
    (stored,) = read_run(tmp_path / "mine")
    assert [turn.kind for turn in stored.turns] == ["get", "finish"]
    assert stored.provenance["assisted"] is True
    assert stored.provenance["chart_commands"] == ["chart", "chart labs K", "chart nothing", "chart S0000000"]
    evidence = next(check for check in stored.verdict["checks"] if "evidence" in check["name"])
    assert not evidence["passed"], "what the chart command showed is no evidence"


def test_arrow_up_brings_back_what_was_typed(person):
    me = person("--task", TASK)
    me.types("history 3", "no turn taken yet")
    me.child.expect_exact("turn 1/8>")
    me.child.send("\x1b[A\r")
    me.child.expect_exact("no turn taken yet")
    me.types("quit", "left")
    assert me.ends() == 0


@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 0)])
def test_control_c_and_d_leave_at_once(person, tmp_path, key, status):
    me = person("--task", TASK, "--out", "mine")
    me.types("history", "no turn taken yet")
    me.child.expect_exact("turn 1/8>")
    me.child.send(key)
    me.child.expect_exact("nothing was stored")
    assert me.ends() == status
    assert list(read_run(tmp_path / "mine")) == []
    assert "Traceback" not in me.child.before


def test_leaving_while_a_slip_is_asked_about(person):
    me = person("--task", TASK)
    me.types("oops", "[y/N]")
    me.child.send("\x03")
    assert me.ends() == 130


def test_one_folder_takes_many_episodes(person, tmp_path):
    for sample in range(2):
        me = person("--type", "2", "--split", "builtin", "--seed", "1", "--out", "mine")
        me.types("FINISH([1])", "score 0")
        assert me.ends() == 0
        assert len(list(read_run(tmp_path / "mine"))) == sample + 1
    rows = list(read_run(tmp_path / "mine"))
    assert {row.task.id for row in rows} == {rows[0].task.id}
    assert [row.provenance["sample"] for row in rows] == [0, 1]


def test_endless_splits_and_mistakes(person):
    me = person("--split", "train", "--type", "7", "--branch", "nosuch")
    me.child.expect_exact("there are: present, absent")
    assert me.ends() == 2
    me = person("--split", "train", "--type", "7", "--seed", "5", "--observation", "compact")
    me.types("quit", "left")
    assert me.ends() == 0


def test_without_a_terminal_it_says_what_to_do_instead(tmp_path):
    for arguments, word in ((["play"], "scripted"), (["eval", "--agent", "human"], "medenv play")):
        done = subprocess.run(
            [sys.executable, "-c", MEDENV, *arguments],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert word in done.stderr


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("GET Patient", False),
        ("POST Observation", True),
        ('POST Observation\n{"a":', True),
        ('POST Observation\n{"a": {}}', False),
        ('POST Observation\n{"a":\n', False),
        ("nonsense", False),
    ],
)
def test_when_a_text_goes_on(text, more):
    assert unfinished(text) is more


def test_doubts_are_about_slips_alone(solution):
    assert not any(doubt(text) for text in [*solution, "FINISH([])", "GET anything"])
    assert all(doubt(text) for text in ["hello", "FINISH(5)", "FINISH([", "finish([])", "POST x\n{", ""])


def test_a_person_may_insist():
    said = iter(["oops", "oops"])

    async def ask(messages):
        return next(said)

    async def confirm(question, asked=[]):  # noqa: B006
        asked.append(question)
        return len(asked) == 2

    with Benchmark("builtin") as benchmark:
        done = asyncio.run(play(benchmark, HumanPolicy(ask, confirm), benchmark.tasks[0]))
    assert [turn.text for turn in done.turns] == ["oops"]


def test_looking_at_the_chart_leaves_the_session_alone(benchmark):
    task = benchmark.tasks.task(TASK)
    episode = benchmark.start(task)
    found = episode.step(f"GET Observation?patient={task.mrn}&_count=5").observation
    _, following = digest(found)
    with episode.session.fork() as session:
        for name in ("labs", "vitals", "cond", "medications", "procedures", "orders"):
            section(session, task.mrn, name)
        overview(session, task.mrn)
    assert episode.session.changes() == []
    assert '"Bundle"' in episode.step(f"GET {following}").observation
    assert digest("HTTP 404") is None
    assert digest('{"resourceType": "Patient"}') is None
