"""Inspect's log files, written through inspect-ai's own Python API; Inspect View, Docent, Scout and HF datasets read them.

inspect-ai is an extra, imported when it is needed.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from medenv import __version__
from medenv.extras import import_optional
from medenv.protocol.tools import NOT_CARRIED_OUT
from medenv.report.logs.common import calls_of, check_lines, metadata, tokens_used
from medenv.rollouts.budget import cost_of
from medenv.rollouts.export.provenance import player
from medenv.rollouts.store import key_of
from medenv.trajectories import Status, Trajectory, Turn

__all__ = ["Made", "eval_log"]

_LIMITS = {Status.TURN_LIMIT: "turn", Status.CONTEXT_LIMIT: "context"}


@dataclass(frozen=True)
class Made:
    """How a run was made.

    Attributes:
        run: Its name.
        settings: Its manifest's.
        fingerprint: See `medenv.rollouts.fingerprint`.
        when: When its last episode was stored, in seconds since 1970.
    """

    run: str
    settings: Mapping[str, Any]
    fingerprint: str
    when: float

    @property
    def created(self) -> str:
        """`when` in ISO 8601, UTC."""
        return datetime.fromtimestamp(int(self.when), timezone.utc).isoformat()

    def id(self, *what: object) -> str:
        """Make an id of 22 hexadecimal digits for a part of the run, the same each time."""
        return hashlib.sha256(repr((self.fingerprint, *what)).encode()).hexdigest()[:22]


def eval_log(trajectories: Iterable[Trajectory], made: Made) -> Any:
    """Convert a run to an ``EvalLog``.

    Args:
        trajectories: Its episodes.
        made: How it was made.

    Raises:
        MissingExtraError: inspect-ai isn't installed.
    """
    log = import_optional("inspect_ai.log", "inspect")
    samples: list[Any] = []
    epochs: Counter[str] = Counter()
    models: Counter[str] = Counter()
    scores: dict[str, list[float]] = defaultdict(list)
    splits: Counter[str] = Counter()
    for one in trajectories:
        epochs[one.task.id] += 1
        samples.append(_sample(one, epochs[one.task.id], made))
        models[player(one.provenance)] += 1
        splits[one.task.split] += 1
        if one.verdict is not None:
            scores[str(one.verdict["grader"])].append(float(one.verdict["score"]))
    failed = sum(sample.error is not None for sample in samples)
    model = ", ".join(models) or player({"agent": made.settings.get("agent")})
    split = ", ".join(splits) or str(made.settings.get("split", "medenv"))
    spec = log.EvalSpec(
        eval_id=made.id("eval"),
        run_id=made.id("run"),
        task_id=made.id("task"),
        created=made.created,
        task=f"medenv-{split}",
        task_version=str(made.settings.get("tasks") or 0),
        dataset=log.EvalDataset(
            name=f"medenv {split}", samples=len(epochs), sample_ids=list(epochs) or None, shuffled=False
        ),
        model=model,
        config=log.EvalConfig(epochs=max(epochs.values(), default=1), fail_on_error=False),
        packages={"medenv": __version__},
        metadata={"run": made.run, "fingerprint": made.fingerprint, **_said(made.settings)},
    )
    results = log.EvalResults(
        total_samples=len(samples),
        completed_samples=len(samples) - failed,
        scores=[_score_of_all(name, values, len(samples)) for name, values in scores.items()],
    )
    return log.EvalLog(
        version=2,
        status="success",
        eval=spec,
        results=results,
        stats=log.EvalStats(started_at=made.created, completed_at=made.created),
        samples=samples,
    )


def _said(settings: Mapping[str, Any]) -> dict[str, Any]:
    names = ("split", "grader", "protocol", "observation", "max_turns", "seed", "samples", "prompt", "data", "tasks")
    return {name: settings[name] for name in names if name in settings}


def _score_of_all(name: str, values: list[float], total: int) -> Any:
    from inspect_ai import log

    error = stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0
    return log.EvalScore(
        name=name,
        scorer=name,
        scored_samples=len(values),
        unscored_samples=total - len(values),
        metrics={
            "accuracy": log.EvalMetric(name="accuracy", value=fmean(values)),
            "stderr": log.EvalMetric(name="stderr", value=error),
        },
    )


def _sample(trajectory: Trajectory, epoch: int, made: Made) -> Any:
    from inspect_ai.log import EvalError, EvalSample, EvalSampleLimit
    from inspect_ai.model import ChatCompletionChoice, ModelOutput
    from inspect_ai.scorer import Score

    key, verdict, model = key_of(trajectory), trajectory.verdict, player(trajectory.provenance)
    messages = _messages(trajectory, made, model)
    opening = 1 + (trajectory.system is not None)
    last = next((one for one in reversed(messages) if one.role == "assistant"), None)
    expected = next((one["expected"] for one in (verdict or {}).get("checks", ()) if one["name"] == "answer"), "")
    limit = _LIMITS.get(trajectory.status)
    scores = None
    if verdict is not None:
        told = {name: verdict.get(name) for name in ("branch", "category", "partial", "checks")}
        answer = trajectory.result if isinstance(trajectory.result, str) else None
        lines = "\n".join(check_lines(trajectory))
        scores = {
            str(verdict["grader"]): Score(
                value=float(verdict["score"]), answer=answer, explanation=lines, metadata=told
            )
        }
    return EvalSample(
        id=trajectory.task.id,
        epoch=epoch,
        uuid=made.id(key),
        input=messages[:opening],
        target=str(expected),
        messages=messages,
        output=ModelOutput(model=model, choices=[ChatCompletionChoice(message=last)] if last is not None else []),
        scores=scores,
        metadata=metadata(trajectory, made.run),
        model_usage={model: usage} if (usage := _usage(trajectory)) is not None else {},
        error=EvalError(message=trajectory.error or "infrastructure error", traceback="", traceback_ansi="")
        if trajectory.status is Status.INFRASTRUCTURE_ERROR
        else None,
        limit=EvalSampleLimit.model_validate({"type": limit, "limit": trajectory.max_turns, "reason": trajectory.error})
        if limit
        else None,
        turn_count=len(trajectory.turns),
    )


def _messages(trajectory: Trajectory, made: Made, model: str) -> list[Any]:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageTool, ChatMessageUser

    key = key_of(trajectory)
    found: list[Any] = []

    def id() -> str:
        return made.id(key, len(found))

    if trajectory.system is not None:
        found.append(ChatMessageSystem(id=id(), content=trajectory.system))
    found.append(ChatMessageUser(id=id(), content=trajectory.prompt))
    for turn in trajectory.turns:
        calls = _calls(turn)
        content = _content(turn)
        found.append(ChatMessageAssistant(id=id(), content=content, tool_calls=calls or None, model=model))
        if turn.observation is None:
            continue
        if not calls:
            found.append(ChatMessageUser(id=id(), content=turn.observation))
        for number, call in enumerate(calls):
            text = NOT_CARRIED_OUT if number else turn.observation
            found.append(ChatMessageTool(id=id(), content=text, tool_call_id=call.id, function=call.function))
    return found


def _content(turn: Turn) -> Any:
    from inspect_ai.model import ContentReasoning, ContentText

    text = turn.said.get("content") or ""
    return text if turn.reasoning is None else [ContentReasoning(reasoning=turn.reasoning), ContentText(text=text)]


def _calls(turn: Turn) -> list[Any]:
    from inspect_ai.tool import ToolCall

    return [
        ToolCall(
            id=id, function=name, arguments=arguments, parse_error=None if raw is None else f"no JSON object: {raw}"
        )
        for id, name, arguments, raw in calls_of(turn)
    ]


def _usage(trajectory: Trajectory) -> Any:
    from inspect_ai.model import ModelUsage

    totals: Counter[str] = Counter()
    for turn in trajectory.turns:
        totals.update(tokens_used(turn.usage))
    cost = cost_of(trajectory)
    if not totals and cost is None:
        return None
    return ModelUsage(
        input_tokens=totals["prompt_tokens"],
        output_tokens=totals["completion_tokens"],
        total_tokens=totals["prompt_tokens"] + totals["completion_tokens"],
        input_tokens_cache_read=totals.get("cached_tokens"),
        total_cost=cost,
    )
