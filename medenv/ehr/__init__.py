"""Synthetic health records: made-up people, and charts whose decisive values follow a plan.

Nobody here is real, and no official patient is among them.
"""

from medenv.ehr.resources import Person

__all__ = ["Person"]
