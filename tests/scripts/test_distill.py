"""The recipe from teacher to student, whole, with a model so small that two cores train it in seconds."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.protocol.instructions import Wording
from medenv.rollouts import run

for package in ("torch", "trl", "peft", "datasets"):
    pytest.importorskip(package, reason="this needs the extra 'train'")

SCRIPT = Path(__file__).parents[2] / "scripts" / "distill.py"
SHORT = "{context}\n{instruction}"


def distill(*arguments, cwd):
    alone = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(cwd / "hf")}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **alone}, capture_output=True, text=True, timeout=600, check=False
    )


def student(folder, protocol="text"):
    """A model with random weights whose tokenizer knows the words of six conversations."""
    from tests.tiny_model import make_tiny_model

    async def play():
        wording = Wording(template=SHORT)
        with Benchmark("train", observation="compact", wording=wording, protocol=protocol) as benchmark:
            return [one async for one in run(benchmark, load("reference"), benchmark.tasks.choose(2)[:6])]

    played = asyncio.run(play())
    tools = list(played[0].conversation(0).tools)
    return make_tiny_model(folder, [one.messages for one in played], tools)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    root = tmp_path_factory.mktemp("distill")
    student(root / "student")
    (root / "short.txt").write_text(SHORT)
    arguments = (
        *("--student", "student", "--out", "out", "--traces", 6, "--epochs", 60, "--learning-rate", 4e-3),
        *("--batch-size", 6, "--tasks", "--split train --type 2", "--both", "--observation compact --prompt short.txt"),
        *("--evaluate", "--split train --type 2 --limit 8", "--student-options", "--max-tokens 40"),
        *("--trainer", '{"save_strategy": "no", "disable_tqdm": true}'),
    )
    done = distill(*arguments, cwd=root)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return root, arguments, done


def test_a_random_student_learns_to_act_and_to_solve_what_it_was_shown(recipe):
    root, _, _ = recipe
    report = json.loads((root / "out" / "report.json").read_bytes())
    assert report["before"] == {"passed": 0, "episodes": 8, "invalid": 8}, "random words are no actions"
    assert report["after"]["invalid"] < 8
    assert report["after"]["passed"] >= 3
    assert report["losses"][-1]["loss"] < 0.2 * report["losses"][0]["loss"]
    assert report["scored_on_tasks_trained_on"] == 6
    text = (root / "out" / "report.md").read_text()
    assert f"| all | 0/8 | {report['after']['passed']}/8 |" in text
    assert "6 of the 8 scored episodes are on tasks that were trained on" in text


def test_going_on_does_only_what_is_missing(recipe):
    root, arguments, _ = recipe
    before = {path: path.stat().st_mtime_ns for path in (root / "out").rglob("*.safetensors")}
    report = (root / "out" / "report.json").read_bytes()
    shutil.rmtree(root / "out" / "after")
    (root / "out" / "report.json").unlink()
    again = distill(*arguments, cwd=root)
    assert again.returncode == 0, again.stderr[-3000:]
    assert (root / "out" / "report.json").read_bytes() == report
    assert {path: path.stat().st_mtime_ns for path in (root / "out").rglob("*.safetensors")} == before
    other = distill(*arguments, "--seed", 1, cwd=root)
    assert other.returncode != 0
    assert "--seed" in other.stderr


def test_an_adapter_is_trained_on_calls_reply_by_reply_where_the_template_marks_nothing(tmp_path):
    folder = student(tmp_path / "student", "tools")
    template = folder / "chat_template.jinja"
    text = template.read_text()
    assert "{% generation %}" in text
    template.write_text(text.replace("{% generation %}", "").replace("{% endgeneration %}", ""))
    done = distill(
        *("--student", "student", "--out", "out", "--traces", 2, "--epochs", 1, "--lora", 4, "--protocol", "tools"),
        *("--tasks", "--split train --type 2", "--both", "--observation compact"),
        *("--evaluate", "--split train --type 2 --limit 2", "--student-options", "--max-tokens 8"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "training on 4 replies" in done.stdout
    assert (tmp_path / "out" / "model" / "adapter_config.json").is_file()
    assert json.loads((tmp_path / "out" / "report.json").read_bytes())["after"]["episodes"] == 2


def test_help_teaches(tmp_path):
    shown = distill("--help", cwd=tmp_path).stdout
    assert all(word in shown for word in ("traces", "--teacher", "--lora", "report.md"))


def test_a_teacher_that_solves_nothing_is_told(tmp_path):
    done = distill("--teacher", "empty", "--student", "x", "--out", "out", "--traces", 3, cwd=tmp_path)
    assert done.returncode != 0
    assert "solved 0 of 3" in done.stderr
