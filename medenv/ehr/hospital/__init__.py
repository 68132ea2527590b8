"""A hospital of its own: wards of made-up people, and charts that hang together medically, of any size and from one seed."""

from medenv.ehr.hospital.charts import Counts, Extra, Plan, chart
from medenv.ehr.hospital.cohort import NOW, OFFICIAL, SIZES, VERSION, Cohort, Entry, Size, load_order
from medenv.ehr.hospital.people import WARDS, Registry

__all__ = [
    "NOW",
    "OFFICIAL",
    "SIZES",
    "VERSION",
    "WARDS",
    "Cohort",
    "Counts",
    "Entry",
    "Extra",
    "Plan",
    "Registry",
    "Size",
    "chart",
    "load_order",
]
