"""What ``import medenv`` offers, and that it stays light."""

import asyncio
import subprocess
import sys

import pytest

import medenv

pytestmark = pytest.mark.quick


def quitter(messages):
    return "FINISH([])"


def test_every_public_name_is_there():
    assert set(medenv.__all__) <= set(dir(medenv))
    for name in (*medenv.__all__, "agents", "rollouts"):
        assert getattr(medenv, name) is not None
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = medenv.nothing_such


def test_a_name_is_imported_when_it_is_used():
    code = "import sys, medenv; before = 'medenv.report' in sys.modules; medenv.evaluate; print(before, 'medenv.report' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(("agent", "passed"), [("reference", 6), ("empty", 0), (quitter, 0)])
def test_an_agent_is_evaluated(agent, passed):
    seen = []
    done = medenv.evaluate(agent, split="builtin", task_type=(4, 5), limit=6, progress=seen.append)
    assert done.summary.total.passed == passed
    assert list(done.trajectories) == seen
    assert {one.task.type for one in seen} == {4, 5}
    assert done.accuracy == passed / 6
    assert f"{passed} of 6 passed" in str(done)
    assert done.floor.total.episodes == 6


def test_the_same_within_an_event_loop():
    async def notebook():
        return medenv.evaluate("reference", split="builtin", task="task1_1"), await medenv.evaluate_async(
            "reference", split="builtin", task="task1_1"
        )

    there, here = asyncio.run(notebook())
    assert there.trajectories == here.trajectories


def test_a_wrong_setting_is_told():
    with pytest.raises(medenv.MedenvError, match="'nowhere'"):
        medenv.evaluate("reference", split="nowhere")
