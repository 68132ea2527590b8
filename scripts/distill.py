"""Distil a teacher into a student: the teacher's correct episodes become training data, and the student is scored before and after.

    python scripts/distill.py --student Qwen/Qwen3-0.6B --out distilled --lora 16
    python scripts/distill.py --teacher "llm --model gpt-4o" --traces 284 --student PATH --out distilled
    python scripts/distill.py --student PATH --out quick --traces 40 --tasks "--split train --type 7" --evaluate "--split test --type 7"

Stages, each in a folder of its own below --out; run the same command again to go on after an interruption:

    traces   the teacher plays tasks of the split train until it has solved as many as wanted     medenv rollout
    data     its solved, distinct episodes, spread over task types and branches                   medenv dataset sft
    before   the student as it is, on the split test                                              medenv eval --agent local
    model    the student fine-tuned on what the teacher wrote, all of it or a LoRA adapter        TRL's SFTTrainer
    after    the student again, on the same tasks
    report   report.md and report.json: both scores by task type, their difference, what it was made from

The loss is on the agent's own replies alone: through the chat template where that marks them ({% generation %}), and reply by reply with
its history where it doesn't. Conversations longer than --max-length tokens are left out, not cut. Weights are trained in float32 (on a
GPU computed with in bfloat16) and saved in the type that the student is stored in; rows of like lengths share a forward pass.
Needs the extra train: pip install -e '.[train]'
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

MEDENV = [sys.executable, "-m", "medenv"]
MOST_TASKS = 20
"""The teacher is given at most so many times as many tasks as traces are wanted."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="distill.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--teacher", default="reference", help="agent and options of medenv rollout (default: %(default)s)"
    )
    parser.add_argument("--student", required=True, help="a folder or a Hugging Face name that transformers loads")
    parser.add_argument("--out", required=True, type=Path, help="folder of this experiment")
    parser.add_argument("--traces", type=int, default=284, help="correct episodes to train on (default: %(default)s)")
    parser.add_argument(
        "--samples", type=int, default=1, help="the teacher's attempts at a task (default: %(default)s)"
    )
    parser.add_argument(
        "--tasks", default="--split train", help="what the teacher plays: options of rollout (default: %(default)s)"
    )
    parser.add_argument(
        "--evaluate",
        default="--split test",
        help="what the student is scored on: options of eval (default: %(default)s)",
    )
    parser.add_argument(
        "--student-options", default="", help="options of eval for the student, e.g. '--max-tokens 512'"
    )
    parser.add_argument(
        "--both", default="", help="options of rollout and eval alike, e.g. '--observation compact --prompt FILE'"
    )
    parser.add_argument("--protocol", choices=("text", "tools"), default="text", help="(default: %(default)s)")
    parser.add_argument("--epochs", type=float, default=3.0, help="(default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, help="default: 2e-5, with --lora 2e-4")
    parser.add_argument("--batch-size", type=int, default=4, help="rows a step (default: %(default)s)")
    parser.add_argument("--lora", type=int, default=0, metavar="RANK", help="train a LoRA adapter of this rank only")
    parser.add_argument("--max-length", type=int, help="most tokens of a row; default: the student's context")
    parser.add_argument("--trainer", type=json.loads, default={}, help="more arguments of SFTConfig, as a JSON object")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    return parser.parse_args()


def medenv(*words: object) -> None:
    """Run a command of medenv and show it."""
    command = [str(word) for word in words]
    print(f"\n$ medenv {shlex.join(command)}", flush=True)
    ended = subprocess.run([*MEDENV, *command], check=False)
    if ended.returncode:
        sys.exit(
            f"distill: the command above ended with status {ended.returncode}; mend it and run this again to go on"
        )


def check_settings(wanted: argparse.Namespace) -> None:
    """Remember what an experiment was begun with, and refuse to go on with another."""
    said = {name: value for name, value in vars(wanted).items() if name != "out"}
    file = wanted.out / "distill.json"
    if file.exists():
        before = json.loads(file.read_text())
        if changed := [name for name in said if before.get(name) != said[name]]:
            name = changed[0]
            sys.exit(
                f"distill: {wanted.out} was begun with --{name.replace('_', '-')} {before.get(name)!r}, not {said[name]!r}; "
                "give the same, or another --out"
            )
        return
    wanted.out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said, indent=2) + "\n")


def play(command: str, folder: Path, *words: object) -> dict[str, Any]:
    """Fill a run, or go on with it; returns the totals of its summary."""
    begun = (folder / "trajectories.jsonl").exists()
    medenv(command, *(("--resume", folder) if begun else ("--out", folder)), *words)
    total: dict[str, Any] = json.loads((folder / "summary.json").read_text())["total"]
    return total


def traces(wanted: argparse.Namespace) -> Path:
    """Have the teacher play until it has solved enough; return the run's folder."""
    folder = wanted.out / "traces"
    words = ["--agent", *shlex.split(wanted.teacher), *shlex.split(wanted.tasks)]
    words += ["--samples", wanted.samples, *_shared(wanted)]
    most = MOST_TASKS * wanted.traces
    if "--limit" in words:
        play("rollout", folder, *words)
        return folder
    limit = wanted.traces
    while True:
        passed = play("rollout", folder, *words, "--limit", limit)["passed"]
        if passed >= wanted.traces:
            return folder
        if not passed or limit >= most:
            sys.exit(f"distill: the teacher solved {passed} of {limit} tasks, and {wanted.traces} traces are wanted")
        limit = min(most, math.ceil(limit * max(1.2, 1.1 * wanted.traces / passed)))


def _shared(wanted: argparse.Namespace) -> list[object]:
    return [*shlex.split(wanted.both), "--protocol", wanted.protocol, "--seed", wanted.seed]


def data(wanted: argparse.Namespace, run: Path) -> Path:
    """Make a dataset of conversations from the solved episodes, if there is none yet; return its folder."""
    folder: Path = wanted.out / "data"
    if not folder.exists():
        medenv("dataset", "sft", run, "--limit", wanted.traces, "--seed", wanted.seed, "--out", folder)
    return folder


def score(wanted: argparse.Namespace, model: str | Path, name: str) -> Path:
    """Have the student play the evaluation's tasks; return the run's folder."""
    folder: Path = wanted.out / name
    words = ["--agent", "local", "--model", model, *shlex.split(wanted.evaluate), *shlex.split(wanted.student_options)]
    play("eval", folder, *words, *_shared(wanted))
    return folder


def train(wanted: argparse.Namespace, dataset: Path) -> Path:
    """Fine-tune the student; goes on from the last checkpoint."""
    folder: Path = wanted.out / "model"
    if folder.exists():
        return folder
    from medenv.errors import InputError

    try:
        from training.sft import Settings, fine_tune
    except ImportError as missing:
        from medenv.extras import install_command

        sys.exit(f"distill: training needs the package {missing.name!r}: {install_command('train')}")
    settings = Settings(**{field.name: getattr(wanted, field.name) for field in fields(Settings)})
    working, partial = wanted.out / "training", wanted.out / "model.partial"
    try:
        fine_tune(settings, dataset / "data" / "train.jsonl", wanted.max_length, working, partial)
    except InputError as error:
        sys.exit(f"distill: {error}")
    os.replace(partial, folder)
    shutil.rmtree(working, ignore_errors=True)
    return folder


def report(wanted: argparse.Namespace, runs: dict[str, Path], dataset: Path, model: Path) -> None:
    """Scores before and after, side by side."""
    from medenv.report import summarise
    from medenv.rollouts import read_run
    from medenv.tasks import task_type

    episodes = {name: list(read_run(folder)) for name, folder in runs.items()}
    totals = {name: summarise(rows).total for name, rows in episodes.items()}
    lines = [
        f"# {wanted.student}, taught by {wanted.teacher}",
        "",
        f"Trained on {json.loads((dataset / 'report.json').read_text())['rows']} of the teacher's correct episodes "
        f"({wanted.tasks}); scored on {wanted.evaluate}.",
        "",
        "| task type | before | after |",
        "|---|---|---|",
    ]
    for number in sorted({one.task.type for one in episodes["before"]}):
        cells = []
        for rows in episodes.values():
            of_type = [one for one in rows if one.task.type == number and one.verdict is not None]
            cells.append(f"{sum(one.verdict['score'] == 1.0 for one in of_type if one.verdict)}/{len(of_type)}")
        lines.append(f"| {number} {task_type(number).name} | {' | '.join(cells)} |")
    invalid = {name: sum(one.status.value == "agent invalid action" for one in rows) for name, rows in episodes.items()}
    lines.append(f"| all | {' | '.join(f'{one.passed}/{one.scored}' for one in totals.values())} |")
    lines.append(f"| ended by an invalid action | {' | '.join(map(str, invalid.values()))} |")
    learnt = {json.loads(line)["task_id"] for line in (dataset / "data" / "train.jsonl").read_bytes().splitlines()}
    seen = sum(one.task.id in learnt for one in episodes["after"])
    if seen:
        lines += ["", f"{seen} of the {len(episodes['after'])} scored episodes are on tasks that were trained on."]
    losses = json.loads((model / "losses.json").read_text())
    lines += ["", f"Loss: {losses[0]['loss']:.3f} at first, {losses[-1]['loss']:.3f} at last, {len(losses)} steps."]
    (wanted.out / "report.md").write_text("\n".join(lines) + "\n")
    values = {
        "settings": {name: value for name, value in vars(wanted).items() if name != "out"},
        **{
            name: {"passed": totals[name].passed, "episodes": totals[name].scored, "invalid": invalid[name]}
            for name in runs
        },
        "scored_on_tasks_trained_on": seen,
        "losses": losses,
        **(json.loads(padded.read_text()) if (padded := model / "padding.json").exists() else {}),
    }
    (wanted.out / "report.json").write_text(json.dumps(values, indent=2) + "\n")
    print("\n" + "\n".join(lines), flush=True)


def main() -> None:
    wanted = arguments()
    if wanted.traces < 1:
        sys.exit(f"distill: --traces is {wanted.traces}; it must be at least 1")
    check_settings(wanted)
    dataset = data(wanted, traces(wanted))
    before = score(wanted, wanted.student, "before")
    model = train(wanted, dataset)
    after = score(wanted, model, "after")
    medenv("compare", before, after)
    report(wanted, {"before": before, "after": after}, dataset, model)


if __name__ == "__main__":
    main()
