"""What a set of runs came to: a table, a file of results, and the learning curves as a picture."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.report import summarise
from medenv.rollouts import run
from training.ppo import Settings, plan, points

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933", "#882255", "#44aa99")
"""Colours that people who see few tell apart (Okabe and Ito 2008), by place among the types."""


def floors(types: Sequence[int]) -> dict[int, float]:
    """Play the blind policy on `test` and return its accuracy by task type."""

    async def play() -> dict[int, float]:
        with Benchmark("test") as benchmark:
            tasks = [task for number in types for task in benchmark.tasks.choose(number)]
            summary = summarise([one async for one in run(benchmark, load("blind"), tasks)])
        return {number: counted.passed / counted.scored for number, counted in summary.types.items()}

    return asyncio.run(play())


def report(results: list[dict[str, Any]], settings: Settings, out: Path, target: float | None) -> int:
    """Print the table, write ``results.json`` and ``curve.png``.

    Returns:
        1 if a score on test is below the target, else 0.
    """
    blind = floors(settings.types)
    (out / "results.json").write_text(json.dumps({"runs": results, "blind": blind}, indent=1) + "\n")
    print(f"\n{'types':<20}{'seed':>5}{'steps':>10}{'seconds':>9}{'CPU s':>7}  test, strict (blind floor)")
    for one in results:
        scores = "  ".join(f"{t}: {100 * s:.0f} % ({100 * blind[int(t)]:.0f} %)" for t, s in one["test"].items())
        types = ", ".join(map(str, one["types"]))
        print(
            f"{types:<20}{one['seed']:>5}{one['timesteps']:>10}{one['seconds']:>9.0f}{one['cpu_seconds']:>7.0f}  {scores}"
        )
    try:
        draw(settings, out, blind)
        print(f"curves: {out / 'curve.png'}")
    except ImportError as error:
        print(f"no picture of the curves: {error}; install it with: pip install 'medenv[report]'")
    if target is None:
        return 0
    missed = [(t, one["seed"], s) for one in results for t, s in one["test"].items() if s < target]
    for number, seed, score in missed:
        print(f"type {number}, seed {seed}: {score:.3f} is below the target of {target}")
    return 1 if missed else 0


def draw(settings: Settings, out: Path, blind: dict[int, float]) -> None:
    """Draw a panel for each type: the score on test over CPU seconds, a line a seed, blind floor and reference.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = plan(settings, out)
    columns = min(5, len(settings.types))
    rows = -(-len(settings.types) // columns)
    figure, panels = pyplot.subplots(
        rows, columns, figsize=(max(4.5, 2.6 * columns), 2.6 * rows + 0.9), sharey=True, squeeze=False
    )
    for place, number in enumerate(settings.types):
        panel, colour = panels[place // columns][place % columns], COLOURS[place % len(COLOURS)]
        for one in runs:
            found = [(cpu, 100 * score) for _, cpu, type_, score in points(one.folder) if type_ == number]
            if found:
                panel.plot(*zip(*found, strict=True), color=colour, alpha=0.75, linewidth=1.6, marker=".", markersize=4)
                last = found[-1]
                panel.annotate(f"{last[1]:.0f}", last, xytext=(3, -9), textcoords="offset points", fontsize=7)
        panel.axhline(100, color="#444444", linewidth=1, linestyle="--", label="reference")
        panel.axhline(100 * blind[number], color="#444444", linewidth=1, linestyle=":", label="blind floor")
        panel.set_title(f"type {number}", fontsize=10)
        panel.set_ylim(-3, 106)
        panel.set_xlim(left=0)
        panel.grid(alpha=0.25)
        panel.set_xlabel("CPU seconds", fontsize=9)
    for place in range(len(settings.types), rows * columns):
        panels[place // columns][place % columns].axis("off")
    for row in panels:
        row[0].set_ylabel("strict score on test, %", fontsize=9)
    panels[0][0].legend(fontsize=7, loc="center right")
    together = "a policy a type" if settings.each or len(settings.types) == 1 else "one policy for all"
    figure.suptitle(
        f"{settings.algorithm}, {settings.actions}, {settings.reward} reward, {together}, a line a seed", fontsize=11
    )
    figure.tight_layout()
    figure.savefig(out / "curve.png", dpi=110)
    pyplot.close(figure)
