"""A hospital of its own: populations of made-up people, and charts that hang together medically, of any size and from one seed."""

from medenv.ehr.hospital.charts import ChartPlan, Counts, Extra, chart
from medenv.ehr.hospital.cohort import NOW, OFFICIAL, SIZES, VERSION, ChartSpec, Cohort, Size, load_order
from medenv.ehr.hospital.people import POPULATIONS, Population, Registry

__all__ = [
    "NOW",
    "OFFICIAL",
    "POPULATIONS",
    "SIZES",
    "VERSION",
    "ChartPlan",
    "ChartSpec",
    "Cohort",
    "Counts",
    "Extra",
    "Population",
    "Registry",
    "Size",
    "chart",
    "load_order",
]
