"""medenv: MedAgentBench as a Gymnasium environment on a resettable FHIR R4 health record.

Importing it registers ``MedAgentBench-v0`` (all task types) and ``MedAgentBench-Task1-v0`` to ``-Task10-v0`` with Gymnasium, and the same
tasks for policies that are no language models as ``MedAgentBench-Structured-v0`` and ``MedAgentBench-Task1-Structured-v0`` to ``-Task10-``.
"""

from __future__ import annotations

from pathlib import Path

import gymnasium

__version__ = "0.1.0"
__all__ = ["ENV_IDS", "STRUCTURED_IDS", "__version__"]

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
