"""Whether a FHIR server is fit for a split, found out in seconds before a run: what it lacks, and what it doesn't do as tasks need it."""

from medenv.episode.fitness.check import check_server
from medenv.episode.fitness.findings import Finding, Fitness

__all__ = ["Finding", "Fitness", "check_server"]
