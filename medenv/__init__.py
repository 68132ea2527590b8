"""medenv: MedAgentBench as a Gymnasium environment on a resettable FHIR R4 health record.

Importing it registers ``MedAgentBench-v0`` (all task types) and ``MedAgentBench-Task1-v0`` to ``-Task10-v0`` with Gymnasium, and the same
tasks for policies that are no language models as ``MedAgentBench-Structured-v0`` and ``MedAgentBench-Task1-Structured-v0`` to ``-Task10-``.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from medenv.agents import load as load_agent
    from medenv.episode import Benchmark, BenchmarkConfig
    from medenv.errors import MedenvError
    from medenv.report import Evaluation, Summary, evaluate, evaluate_async, summarise
    from medenv.rollouts import read_run, run

__version__ = "0.1.0"
__all__ = [
    "ENV_IDS",
    "STRUCTURED_IDS",
    "Benchmark",
    "BenchmarkConfig",
    "Evaluation",
    "MedenvError",
    "Summary",
    "__version__",
    "evaluate",
    "evaluate_async",
    "load_agent",
    "read_run",
    "run",
    "summarise",
]

_LAZY = {
    "Benchmark": "episode",
    "BenchmarkConfig": "episode",
    "Evaluation": "report",
    "MedenvError": "errors",
    "Summary": "report",
    "evaluate": "report",
    "evaluate_async": "report",
    "load_agent": "agents.load",
    "read_run": "rollouts",
    "run": "rollouts",
    "summarise": "report",
}
"""Where a public name comes from, so that importing medenv imports nothing heavy: a submodule, with the name there if it is another."""

_SUBMODULES = (
    "agents",
    "envs",
    "episode",
    "errors",
    "fhir",
    "grading",
    "protocol",
    "report",
    "rollouts",
    "tasks",
    "trajectories",
)
"""Found by tab, and imported when they are asked for."""

ENV_IDS = ("MedAgentBench-v0", *(f"MedAgentBench-Task{number}-v0" for number in range(1, 11)))
"""All task types together, then each of the ten on its own."""

STRUCTURED_IDS = (
    "MedAgentBench-Structured-v0",
    *(f"MedAgentBench-Task{number}-Structured-v0" for number in range(1, 11)),
)
"""The same, with numbers for observations and acts for actions (`medenv.envs.StructuredEnv`)."""

# In a clone the links medenv/agents and medenv/envs lead to the folders beside this one. Where links don't work (inside a zip, or in a
# checkout without them), those folders are found there.
if not (Path(__file__).parent / "agents" / "__init__.py").is_file():
    __path__.append(str(Path(__file__).parent.parent))

for _ids, _entry_point, _vector_entry_point in (
    (ENV_IDS, "medenv.envs.medagentbench:MedAgentBenchEnv", "medenv.envs.vector:MedAgentBenchVectorEnv"),
    (STRUCTURED_IDS, "medenv.envs.structured.env:StructuredEnv", "medenv.envs.vector:StructuredVectorEnv"),
):
    for _number, _env_id in enumerate(_ids):
        if _env_id not in gymnasium.registry:
            # A string entry point and JSON kwargs, so that specs can be stored, and nothing heavy is imported here.
            gymnasium.register(
                id=_env_id,
                entry_point=_entry_point,
                vector_entry_point=_vector_entry_point,
                kwargs={"task_type": _number} if _number else {},
            )


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, other = _LAZY[name].partition(".")
    found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), other or name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
