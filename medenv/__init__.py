"""medenv: MedAgentBench as a Gymnasium environment on a resettable FHIR R4 health record.

Importing it registers ``MedAgentBench-v0`` (all task types) and ``MedAgentBench-Task1-v0`` to ``-Task10-v0`` with Gymnasium.
"""

from __future__ import annotations

import gymnasium

__version__ = "0.1.0"
__all__ = ["ENV_IDS", "__version__"]

ENV_IDS = ("MedAgentBench-v0", *(f"MedAgentBench-Task{number}-v0" for number in range(1, 11)))
"""All task types together, then each of the ten on its own."""

for _number, _env_id in enumerate(ENV_IDS):
    if _env_id not in gymnasium.registry:
        # A string entry point and JSON kwargs, so that specs can be stored, and nothing heavy is imported here.
        gymnasium.register(
            id=_env_id,
            entry_point="medenv.envs.medagentbench:MedAgentBenchEnv",
            kwargs={"task_type": _number} if _number else {},
        )
