"""The ten task types, one module each.

`TYPES` maps a number to its type; `task_type` also takes a name and explains a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from medenv.tasks.base import TaskType
from medenv.tasks.types.find_patient import FindPatient
from medenv.tasks.types.latest_glucose import LatestGlucose
from medenv.tasks.types.latest_magnesium import LatestMagnesium
from medenv.tasks.types.mean_glucose import MeanGlucose
from medenv.tasks.types.patient_age import PatientAge
from medenv.tasks.types.record_blood_pressure import RecordBloodPressure
from medenv.tasks.types.refer_orthopaedics import ReferOrthopaedics
from medenv.tasks.types.renew_hba1c import RenewHbA1c
from medenv.tasks.types.replace_magnesium import ReplaceMagnesium
from medenv.tasks.types.replace_potassium import ReplacePotassium
from medenv.tasks.unknown import unknown

__all__ = ["TYPES", "task_type"]

_ALL: tuple[TaskType, ...] = (
    FindPatient(),
    PatientAge(),
    RecordBloodPressure(),
    LatestMagnesium(),
    ReplaceMagnesium(),
    MeanGlucose(),
    LatestGlucose(),
    ReferOrthopaedics(),
    ReplacePotassium(),
    RenewHbA1c(),
)

TYPES: Mapping[int, TaskType] = MappingProxyType({known.number: known for known in _ALL})
"""The task types by number, 1 to 10."""


_BY_KEY: Mapping[int | str, TaskType] = {
    key: known for known in _ALL for key in (known.number, str(known.number), known.name)
}


def task_type(key: int | str) -> TaskType:
    """Return a task type by its number or name.

    Args:
        key: 1 to 10, or a name such as ``latest-glucose``.

    Raises:
        UnknownNameError: There is no such type; the message lists what there is.
    """
    known = _BY_KEY.get(key)
    if known is not None:
        return known
    names = [known.name for known in _ALL]
    raise unknown("task type", key, names, f"there are 1 to {len(_ALL)}: {', '.join(names)}")
