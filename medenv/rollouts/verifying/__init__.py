"""Verification of a stored run: every row played and graded again, so that strangers can check a score."""

from medenv.rollouts.verifying.findings import Finding, Verification
from medenv.rollouts.verifying.verify import verify

__all__ = ["Finding", "Verification", "verify"]
