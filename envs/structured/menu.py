"""The menu tier: whole acts to choose among, each a text whose blanks are filled from what is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete

from medenv.envs.structured.texts import (
    answer,
    completed_age,
    difference_of_years,
    lab_test,
    magnesium,
    potassium,
    potassium_by_rule,
    pressure,
    referral,
    search_people,
    search_results,
    tomorrow_morning,
)
from medenv.envs.structured.view import Act, Kind, Query, View
from medenv.errors import InputError
from medenv.tasks.chart import mean
from medenv.tasks.types.find_patient import NOT_FOUND

__all__ = ["MENU", "Item", "Menu"]

PAGE = 50
"""Entries asked for where all of a day is wanted."""
LIST = 200
"""Entries asked for where all there is is wanted."""
FEW = 5
"""Entries asked for where the newest or the oldest is wanted; more than one shows what shares its time."""
OTHER_CODE = {"MG": "K", "K": "MG", "GLU": "A1C", "A1C": "GLU"}
"""By the code asked about, the code of another laboratory test, for the act that looks at the wrong one."""


@dataclass(frozen=True, slots=True)
class Item:
    """An act on the menu.

    Attributes:
        name: What it is called, e.g. ``GET newest``.
        needs: What must be known for the text to be written, see `View.filled`.
        act: Makes it.
    """

    name: str
    needs: frozenset[str]
    act: Callable[[View], Act]


def _results(name: str, *, sort: str = "", count: int = 0, window: int = 0, other: bool = False) -> Item:
    def act(view: View) -> Act:
        told = view.told["code"]
        return search_results(view, Query(OTHER_CODE.get(told, "MG") if other else told, window, sort), count)

    return Item(name, frozenset({"mrn", "code"}), act)


def _people(name: str, *by: str) -> Item:
    needs = {"mrn"} if by == ("identifier",) else {"birthdate"}
    return Item(name, frozenset(needs), lambda view: search_people(view, Query(by=by)))


def _item(name: str, kind: Kind, needs: str, write: Callable[[View], str]) -> Item:
    return Item(name, frozenset(needs.split()), lambda view: Act(write(view), kind))


MENU: tuple[Item, ...] = (
    _results("GET newest", sort="-date", count=FEW),
    _results("GET unsorted"),
    _results("GET oldest", sort="date", count=FEW),
    _results("GET newest of the day", sort="-date", count=FEW, window=24),
    _results("GET the day", count=PAGE, window=24),
    _results("GET all", count=LIST),
    _results("GET newest of another code", sort="-date", count=FEW, other=True),
    _people("GET patient by MRN", "identifier"),
    _people("GET patient by name and birth date", "given", "family", "birthdate"),
    _people("GET patients of the family name", "family"),
    _item("GET next page", "next", "next", lambda view: f"GET {view.following}"),
    _item("POST magnesium 1 g", "medication", "mrn ndc", lambda view: magnesium(view, 1, view.told["ndc"])),
    _item("POST magnesium 2 g", "medication", "mrn ndc", lambda view: magnesium(view, 2, view.told["ndc"])),
    _item("POST magnesium 4 g", "medication", "mrn ndc", lambda view: magnesium(view, 4, view.told["ndc"])),
    _item(
        "POST potassium by rule",
        "medication",
        "mrn ndc value",
        lambda view: potassium(view, potassium_by_rule(view), view.told["ndc"]),
    ),
    _item("POST potassium 20 mEq", "medication", "mrn ndc", lambda view: potassium(view, 20, view.told["ndc"])),
    _item("POST potassium 40 mEq", "medication", "mrn ndc", lambda view: potassium(view, 40, view.told["ndc"])),
    _item("POST test now", "service", "mrn loinc", lambda view: lab_test(view, view.told["loinc"])),
    _item(
        "POST test tomorrow at 8",
        "service",
        "mrn loinc",
        lambda view: lab_test(view, view.told["loinc"], tomorrow_morning(view)),
    ),
    _item(
        "POST blood pressure",
        "observation",
        "mrn pressure",
        lambda view: pressure(view, view.mrn, view.told["pressure"]),
    ),
    _item(
        "POST blood pressure of an hour ago",
        "observation",
        "mrn pressure",
        lambda view: pressure(view, view.mrn, view.told["pressure"], timedelta(hours=1)),
    ),
    _item(
        "POST blood pressure of the first listed",
        "observation",
        "listed pressure",
        lambda view: pressure(view, view.first_listed, view.told["pressure"]),
    ),
    _item(
        "POST referral",
        "service",
        "mrn snomed note",
        lambda view: referral(view, view.mrn, view.told["snomed"], view.told["note"]),
    ),
    _item(
        "POST referral without its text",
        "service",
        "mrn snomed",
        lambda view: referral(view, view.mrn, view.told["snomed"], None),
    ),
    _item(
        "POST referral of the first listed",
        "service",
        "listed snomed note",
        lambda view: referral(view, view.first_listed, view.told["snomed"], view.told["note"]),
    ),
    _item("FINISH nothing", "finish", "", lambda view: answer()),
    _item("FINISH -1", "finish", "", lambda view: answer(-1)),
    _item("FINISH not found", "finish", "", lambda view: answer(NOT_FOUND)),
    _item("FINISH newest value", "finish", "value", lambda view: answer(view.readings[0].value)),
    _item("FINISH oldest value", "finish", "value", lambda view: answer(view.readings[-1].value)),
    _item(
        "FINISH newest value and time",
        "finish",
        "value",
        lambda view: answer(view.readings[0].value, view.readings[0].text),
    ),
    _item("FINISH mean", "finish", "value", lambda view: answer(mean(view.readings))),
    _item("FINISH MRN", "finish", "mrn", lambda view: answer(view.mrn)),
    _item("FINISH MRN of the first listed", "finish", "listed", lambda view: answer(view.first_listed)),
    _item("FINISH age", "finish", "born", lambda view: answer(completed_age(view))),
    _item("FINISH difference of years", "finish", "born", lambda view: answer(difference_of_years(view))),
)
"""All acts, the same for every task type; the numbers of a policy's actions are places in this list."""


class Menu:
    """The acts of `MENU` as a `Discrete` space.

    Attributes:
        name: What scores are told apart by.
        size: Length of the mask.
    """

    name = "structured-menu-1"
    size = len(MENU)

    def space(self) -> Discrete:
        """Make a new action space, with one number for each act of the menu."""
        return Discrete(len(MENU))

    def masks(self, view: View) -> np.ndarray:
        """Which acts can be written: boolean, one for each act."""
        filled = view.filled
        return np.fromiter((item.needs <= filled for item in MENU), bool, len(MENU))

    def act(self, action: Any, view: View) -> Act:
        """Return the act of a number; one that does nothing if what it needs isn't known.

        Args:
            action: An integer.
            view: What its blanks are filled from.

        Raises:
            ValueError: There is no act of that number.
        """
        number = int(action)
        if not 0 <= number < len(MENU):
            raise InputError(f"action {action!r} is no act of the menu; there are 0 to {len(MENU) - 1}")
        item = MENU[number]
        if missing := item.needs - view.filled:
            return Act(f"({item.name} needs {', '.join(sorted(missing))}, which is not known)", "nothing")
        return item.act(view)
