"""medenv: MedAgentBench as a Gymnasium environment on a resettable FHIR R4 health record.

Importing it registers ``MedAgentBench-v0`` and ``MedAgentBench-Task1-v0`` to ``-Task10-v0`` with Gymnasium.
"""

__version__ = "0.1.0"
