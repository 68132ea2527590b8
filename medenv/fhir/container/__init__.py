"""FHIR servers in containers: the official MedAgentBench image or any other, started, watched and cleaned up after.

Episodes use them through the sessions of `medenv.fhir.remote`.
"""

from medenv.fhir.container.backend import ContainerBackend
from medenv.fhir.container.engine import OFFICIAL_IMAGE, Engine, Spec

__all__ = ["OFFICIAL_IMAGE", "ContainerBackend", "Engine", "Spec"]
