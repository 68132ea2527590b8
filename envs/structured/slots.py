"""The slots tier: an act is put together from parts, so that code, window, order and dose have to be chosen as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.spaces import MultiDiscrete

from medenv.envs.structured.texts import (
    answer,
    completed_age,
    lab_test,
    magnesium,
    potassium,
    pressure,
    referral,
    search_people,
    search_results,
    tomorrow_morning,
)
from medenv.envs.structured.view import Act, Query, View
from medenv.tasks import TYPES
from medenv.tasks.chart import mean
from medenv.tasks.types.find_patient import NOT_FOUND

__all__ = ["SLOTS", "Slots"]

VERBS = ("GET", "GET next page", "POST", "FINISH")
RESOURCES = ("Observation", "Patient by MRN", "Patient by name", "MedicationRequest", "ServiceRequest")
"""What is searched for or created; a search of Patients has its parameters in the name."""
CODES = ("MG", "K", "GLU", "A1C", "BP", "orthopaedics")
"""What is measured, ordered or given. For orders each stands for the code that the task texts give for it."""
WINDOWS = (0, 24, 12, 48, 24 * 7, 24 * 365)
"""Hours before the present that a search of Observations looks back; 0 for all. An order of a test has the time that follows from it:
none for 0, tomorrow at 8 o'clock for 24, and no other."""
SORTS = ("", "-date", "date")
COUNTS = (0, 5, 50, 200)
"""Entries a page; 0 leaves it to the server."""
DOSES = (1, 2, 3, 4, 5, *range(10, 130, 10))
"""Amounts, in g of magnesium or mEq of potassium."""
ANSWERS: tuple[tuple[str, str, Callable[[View], list[Any]]], ...] = (
    ("nothing", "", lambda view: []),
    ("-1", "", lambda view: [-1]),
    ("not found", "", lambda view: [NOT_FOUND]),
    ("newest value", "value", lambda view: [view.readings[0].value]),
    ("oldest value", "value", lambda view: [view.readings[-1].value]),
    ("newest value and time", "value", lambda view: [view.readings[0].value, view.readings[0].text]),
    ("mean", "value", lambda view: [mean(view.readings)]),
    ("MRN", "mrn", lambda view: [view.mrn]),
    ("age", "born", lambda view: [completed_age(view)]),
)
"""Answers: name, what must be known, and the list."""

SLOTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("verb", VERBS),
    ("resource", RESOURCES),
    ("code", CODES),
    ("window", WINDOWS),
    ("sort", SORTS),
    ("count", COUNTS),
    ("dose", DOSES),
    ("answer", tuple(name for name, _, _ in ANSWERS)),
)
"""The slots with their choices, in order."""

_SIZES = tuple(len(choices) for _, choices in SLOTS)
_NDC = {"MG": TYPES[5].params["ndc"], "K": TYPES[9].params["ndc"]}
_LOINC = {"K": TYPES[9].params["loinc"], "A1C": TYPES[10].params["loinc"]}
_SNOMED = {"orthopaedics": TYPES[8].params["snomed"]}


class Slots:
    """Acts of eight parts as a `MultiDiscrete` space.

    What a part doesn't need is left out: a search takes no dose. A combination that makes no sense can't be written, and ends the
    episode. Masks are of single choices alone: next page without a link, a patient without an MRN or a name, an answer without a value.

    Attributes:
        name: What scores are told apart by.
        size: Length of the mask.
    """

    name = "structured-slots-1"
    size = sum(_SIZES)

    def space(self) -> MultiDiscrete:
        """Make a new action space, with one number for each slot."""
        return MultiDiscrete(list(_SIZES))

    def masks(self, view: View) -> np.ndarray:
        """Which choices can be written: boolean, the choices of each slot in turn."""
        filled = view.filled
        verbs = [True, "next" in filled, True, True]
        resources = ["mrn" in filled, "mrn" in filled, "birthdate" in filled, "mrn" in filled, "mrn" in filled]
        if not any(resources):
            resources[0] = True  # a slot must have a choice
        answers = [not needs or needs in filled for _, needs, _ in ANSWERS]
        others = [True] * (self.size - len(verbs) - len(resources) - len(answers))
        return np.array([*verbs, *resources, *others, *answers], np.bool_)

    def act(self, action: Any, view: View) -> Act:
        """Combine a list of choices into an act; one that does nothing if they can't be written as an action.

        Args:
            action: Eight integers.
            view: What blanks are filled from.

        Raises:
            ValueError: They are no element of the space.
        """
        numbers = np.asarray(action).reshape(-1)
        if len(numbers) != len(SLOTS) or any(
            not 0 <= number < size for number, size in zip(numbers, _SIZES, strict=True)
        ):
            raise ValueError(f"action {action!r} is none of the slots {_SIZES}")
        chosen = {name: choices[int(at)] for (name, choices), at in zip(SLOTS, numbers, strict=True)}
        act = {
            "GET": _search,
            "GET next page": _next,
            "POST": _order,
            "FINISH": _finish,
        }[chosen["verb"]](chosen, view)
        if act is not None:
            return act
        return Act(f"({chosen['verb']} can't be written: {chosen})", "nothing")


def _search(chosen: dict[str, Any], view: View) -> Act | None:
    resource, code = chosen["resource"], chosen["code"]
    if resource == "Patient by name":
        return search_people(view, Query(by=("given", "family", "birthdate"))) if "birthdate" in view.told else None
    if view.mrn is None:
        return None
    if resource == "Patient by MRN":
        return search_people(view, Query(by=("identifier",)))
    if resource != "Observation" or code == "orthopaedics":
        return None
    return search_results(view, Query(code, chosen["window"], chosen["sort"]), chosen["count"])


def _next(chosen: dict[str, Any], view: View) -> Act | None:
    return Act(f"GET {view.following}", "next") if view.following is not None else None


def _order(chosen: dict[str, Any], view: View) -> Act | None:
    resource, code, dose = chosen["resource"], chosen["code"], chosen["dose"]
    if view.mrn is None:
        return None
    if resource == "MedicationRequest" and code in _NDC:
        write = magnesium if code == "MG" else potassium
        return Act(write(view, dose, _NDC[code]), "medication")
    if resource == "ServiceRequest" and code in _LOINC and chosen["window"] in (0, 24):
        when = tomorrow_morning(view) if chosen["window"] else None
        return Act(lab_test(view, _LOINC[code], when), "service")
    if resource == "ServiceRequest" and code in _SNOMED:
        return Act(referral(view, view.mrn, _SNOMED[code], view.told.get("note")), "service")
    if resource == "Observation" and code == "BP" and "pressure" in view.told:
        return Act(pressure(view, view.mrn, view.told["pressure"]), "observation")
    return None


def _finish(chosen: dict[str, Any], view: View) -> Act | None:
    _, needs, values = next(one for one in ANSWERS if one[0] == chosen["answer"])
    return Act(answer(*values(view)), "finish") if not needs or needs in view.filled else None
