"""Plays texts on a benchmark, and makes near-right episodes out of the reference's: for the strict grader's tests."""

import copy
import json

from medenv.grading import OfficialGrader
from medenv.tasks import task_type


def tasks_of(benchmark, number, branch):
    return [task for task in benchmark.tasks.of_type(number) if task.branch == branch]


def play(benchmark, task, texts):
    """Plays texts; a callable among them is given the last observation and makes the next text."""
    episode, seen = benchmark.start(task), ""
    for text in texts:
        seen = episode.step(text(seen) if callable(text) else text).observation
        if episode.done:
            break
    return benchmark.finish(episode)


def reference_texts(benchmark, task):
    episode = benchmark.start(task)
    steps, texts = task_type(task.type).solve(task), []
    text = next(steps)
    while True:
        texts.append(text)
        transition = episode.step(text)
        if transition.done:
            return texts
        text = steps.send(transition.observation)


def verdict(benchmark, task, texts):
    return play(benchmark, task, texts).verdict


def official(trajectory):
    return OfficialGrader().grade(trajectory).score


def order_texts(benchmark, task, change):
    """The reference's texts with its posted payloads changed."""
    out = []
    for text in reference_texts(benchmark, task):
        if text.startswith("POST"):
            head, _, body = text.partition("\n")
            payload = json.loads(body)
            replaced = change(copy.deepcopy(payload))
            text = f"{head}\n{json.dumps(payload if replaced is None else replaced)}"
        out.append(text)
    return out


def dosage(**changes):
    def change(payload):
        if payload["resourceType"] == "MedicationRequest":
            payload["dosageInstruction"][0].update(changes)
        return payload

    return change


def amount(**changes):
    def change(payload):
        if payload["resourceType"] == "MedicationRequest":
            amounts = payload["dosageInstruction"][0]["doseAndRate"][0]
            for name, value in changes.items():
                amounts[name] = value(amounts) if callable(value) else value
            payload["dosageInstruction"][0]["doseAndRate"][0] = {k: v for k, v in amounts.items() if v is not None}
        return payload

    return change


def top(**changes):
    return lambda payload: {**payload, **changes}


def grams(amounts):
    return amounts["doseQuantity"]["value"]
