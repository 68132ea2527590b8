"""Harbor's Agent Trajectory Interchange Format, version 1.8 (RFC 0001 of harbor-framework/harbor)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medenv import __version__
from medenv.protocol.tools import NOT_CARRIED_OUT
from medenv.report.logs.common import calls_of, file_name, metadata, outcome, tokens_used
from medenv.rollouts.export.provenance import player
from medenv.trajectories import Trajectory, Turn

__all__ = ["VERSION", "atif"]

VERSION = "ATIF-v1.8"


def atif(trajectory: Trajectory, run: str) -> dict[str, Any]:
    """Convert an episode to a trajectory of ATIF.

    Verdict and checks stand in ``extra`` and, as PASS and FAIL lines, in ``notes``, so that they are no part of the conversation.

    Args:
        trajectory: The episode.
        run: The name of its run, which becomes the session's id.

    Returns:
        JSON values.
    """
    agent = trajectory.provenance.get("agent")
    name = agent.get("name") if isinstance(agent, Mapping) else None
    tools = list(trajectory.conversation(0).tools)
    extra: dict[str, Any] = {"medenv": metadata(trajectory, run)}
    if trajectory.verdict is not None:
        extra["verdict"] = trajectory.verdict
        extra["reward"] = trajectory.verdict.get("score")
    return {
        "schema_version": VERSION,
        "session_id": run or "run",
        "trajectory_id": file_name(trajectory),
        "agent": {
            "name": str(name or "unknown"),
            "version": str(trajectory.provenance.get("medenv") or __version__),
            "model_name": player(trajectory.provenance),
            **({"tool_definitions": tools} if tools else {}),
        },
        "steps": [{"step_id": number, **step} for number, step in enumerate(_steps(trajectory), 1)],
        "notes": outcome(trajectory),
        "final_metrics": _final(trajectory),
        "extra": extra,
    }


def _steps(trajectory: Trajectory) -> Iterator[dict[str, Any]]:
    if trajectory.system is not None:
        yield {"source": "system", "message": trajectory.system}
    yield {"source": "user", "message": trajectory.prompt}
    for turn in trajectory.turns:
        step: dict[str, Any] = {"source": "agent", "message": turn.said.get("content") or ""}
        if turn.reasoning is not None:
            step["reasoning_content"] = turn.reasoning
        calls = [_call(*call) for call in calls_of(turn)]
        if calls:
            step["tool_calls"] = calls
        if turn.observation is not None:
            step["observation"] = {"results": _results(turn, [call["tool_call_id"] for call in calls])}
        if metrics := _metrics(turn):
            step["metrics"] = metrics
        request = {"kind": turn.kind, "method": turn.method, "url": turn.url, "response_status": turn.response_status}
        step["extra"] = {name: value for name, value in request.items() if value is not None}
        yield step


def _call(id: str, name: str, arguments: dict[str, Any], raw: str | None) -> dict[str, Any]:
    call = {"tool_call_id": id, "function_name": name, "arguments": arguments}
    return call if raw is None else {**call, "extra": {"arguments_text": raw}}


def _results(turn: Turn, calls: list[str]) -> list[dict[str, Any]]:
    if not calls:
        return [{"content": turn.observation}]
    return [
        {"source_call_id": id, "content": NOT_CARRIED_OUT if number else turn.observation}
        for number, id in enumerate(calls)
    ]


def _metrics(turn: Turn) -> dict[str, Any]:
    found: dict[str, Any] = tokens_used(turn.usage)
    if (cost := _cost(turn)) is not None:
        found["cost_usd"] = cost
    tokens = turn.tokens or {}
    for name, own in (
        ("prompt_token_ids", "prompt_ids"),
        ("completion_token_ids", "ids"),
        ("logprobs", "logprobs"),
    ):
        if values := tokens.get(own):
            found[name] = list(values)  # type: ignore[call-overload]
    return found


def _cost(turn: Turn) -> float | None:
    cost = (turn.usage or {}).get("cost")
    return float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None


def _final(trajectory: Trajectory) -> dict[str, Any]:
    totals: dict[str, int] = {}
    for turn in trajectory.turns:
        for name, value in tokens_used(turn.usage).items():
            totals[f"total_{name}"] = totals.get(f"total_{name}", 0) + value
    costs = [cost for turn in trajectory.turns if (cost := _cost(turn)) is not None]
    spent = {"total_cost_usd": sum(costs)} if costs else {}
    steps = len(trajectory.turns) + 1 + (trajectory.system is not None)
    return {**totals, **spent, "total_steps": steps}
