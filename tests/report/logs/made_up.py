"""Episodes that hold everything a viewer's form must carry: native calls, thoughts, tokens, faults, and hostile names."""

from dataclasses import replace

from medenv.tasks import load_split
from medenv.trajectories import Status, Trajectory, Turn

HOSTILE = '</script><img src=x onerror="window.pwned=1">, "a"\u202e & b\0'
"""What a model may be called, or write."""

TASK = load_split("builtin").task("task5_1")


def calling(name, arguments, id):
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": id, "type": "function", "function": function}]}


def verdict(score=1.0, **more):
    checks = [
        {"name": "finished", "passed": True, "expected": "completed", "found": "completed"},
        {"name": "answer", "passed": score == 1.0, "expected": "[1.5]", "found": "[1.5]" if score else "[2]"},
    ]
    found = {"score": score, "grader": "strict", "checks": checks, "branch": "low", "category": None, "partial": {}}
    return {**found, "category": None if score else "answer", **more}


def called(sample=0, **more):
    """An episode of native calls, one of them with arguments that are no JSON, and with all that a provider tells."""
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "cached_tokens": 50, "cost": 0.25, "odd": "text"}
    tokens = {"prompt_ids": [1, 2], "ids": [3], "logprobs": [-0.5]}
    first = calling("find_patients", '{"identifier": "S1"}', "call_0_0")
    first["tool_calls"] += calling("finish", "[oh", "call_0_1")["tool_calls"]
    turns = (
        Turn(
            "GET Patient?identifier=S1",
            "get",
            '{"total": 1}',
            "GET",
            "Patient?identifier=S1",
            200,
            usage,
            first,
            "hm",
            tokens,
        ),
        Turn("FINISH([1.5])", "finish", usage=usage, message=calling("finish", '{"answers": [1.5]}', "call_1_0")),
    )
    agent = {"name": "llm", "model": HOSTILE, "base_url": "https://user:hunter2@example.org/v1"}
    made = Trajectory(
        TASK,
        "http://localhost:8080/fhir",
        f"Give the magnesium. {HOSTILE}",
        Status.COMPLETED,
        turns,
        "[1.5]",
        "tools",
        provenance={"medenv": "0.1.0", "agent": agent, "seed": 0, "sample": sample, "data": "sha256:1"},
        verdict=verdict(),
        system="Be brief.",
    )
    return replace(made, **more)


def failed(sample=1):
    return called(sample, status=Status.TURN_LIMIT, result=None, verdict=verdict(0.0))


def broken(sample=2):
    return called(
        sample, status=Status.INFRASTRUCTURE_ERROR, result=None, verdict=None, error="the provider was down", turns=()
    )
