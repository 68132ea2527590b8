"""Made-up runs and published tables: small, with known answers."""

import json
from pathlib import Path

from medenv.report.records import RunRecord
from medenv.tasks import TYPES, Task
from medenv.trajectories import Status, Trajectory, Turn


def episode(
    number, n, score, *, sample=0, patient=None, status=Status.COMPLETED, cost=None, model="m", branch=None, **origin
):
    """An episode of the n-th task of a type; score None for an infrastructure error."""
    branch = branch or TYPES[number].branches[n % len(TYPES[number].branches)].name
    task = Task(f"task{number}_{n}", number, "", "", patient or f"S{number}{n:03d}", "builtin", branch)
    usage = {"prompt_tokens": 100, "completion_tokens": 20, **({} if cost is None else {"cost": cost})}
    verdict = None
    if score is not None:
        verdict = {
            "score": score,
            "grader": "strict",
            "checks": [],
            "branch": branch,
            "category": None if score else "dose",
        }
    else:
        status = Status.INFRASTRUCTURE_ERROR
    provenance = {"medenv": "0.1.0", "prompt": "sha256:p", "data": "sha256:d", "seed": 0, "sample": sample}
    provenance |= {"agent": {"name": "llm", "model": model}, **origin}
    turns = (Turn("FINISH([])", "finish", usage=usage),)
    return Trajectory(task, "http://x", "p", status, turns, verdict=verdict, provenance=provenance)


def record(name, episodes):
    """A run as reports have it, without files."""
    found = RunRecord(Path(name), name)
    for one in episodes:
        found.add(one)
    return found


def episodes_of(solves, per_type=6, **options):
    """A run's episodes: `solves(type, n)` says whether the n-th task of a type was solved."""
    return [episode(number, n, float(solves(number, n)), **options) for number in TYPES for n in range(per_type)]


def write_run(folder, episodes, **settings):
    """A run's folder."""
    folder.mkdir(parents=True)
    (folder / "trajectories.jsonl").write_bytes(b"".join(one.to_json() + b"\n" for one in episodes))
    said = {"schema": "medenv.run/1", "settings": settings, "options": {}, "medenv": "0.1.0", "versions": {}}
    (folder / "manifest.json").write_text(json.dumps(said))
    return folder


LEADERBOARD = """Rank,Model,Accuracy (%),Correct,Total,Completed,Invalid Actions,Limit Reached,Errors,Time (min)
1,Alpha,80.0,8,10,10,0,0,0,1.5
2,"Beta, ""B"" <b>",55.6,5,9,7,1,1,0,
3,gamma_$5%,20.0,2,10,8,2,0,,30.0
"""
MATRIX = """Task,Description,Alpha,"Beta, ""B"" <b>",gamma_$5%
task1,Patient Search,100.0,100.0,20.0
task7,Clinical Note Creation,60.0,0.0,20.0
Overall,Overall Accuracy,80.0,55.6,20.0
"""


def write_published(folder):
    """A folder of published tables: three models, one of them with a name that needs care in every format."""
    folder.mkdir(parents=True)
    (folder / "leaderboard.csv").write_text(LEADERBOARD)
    (folder / "task_accuracy_matrix.csv").write_text(MATRIX)
    return folder
