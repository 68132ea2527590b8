"""Synthetic health records: made-up people, and charts whose decisive values follow a plan.

Nobody here is real, and no official patient is among them.
"""

from medenv.ehr.cohort import Chart, cohort
from medenv.ehr.resources import Person
from medenv.ehr.series import Series

__all__ = ["Chart", "Person", "Series", "cohort"]
