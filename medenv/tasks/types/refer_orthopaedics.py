"""Task type 8: refer a patient to orthopaedic surgery, with a given text.

One branch: the chart does not matter but for who is meant, where the instruction names the patient without the MRN.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks import orders
from medenv.tasks.base import Branch, Gold, TaskType, mrn_in, now_in
from medenv.tasks.patients import is_named, look_up, patient_of, who
from medenv.tasks.steps import Steps, act, finish
from medenv.tasks.task import Task

__all__ = ["ReferOrthopaedics", "quoted_text"]

_QUOTED = re.compile(r'"(.+)"', re.DOTALL)
_SNOMED = re.compile(r"\b\d{8,18}\b")


def quoted_text(text: str) -> str:
    """What stands between the first and the last double quote.

    Raises:
        ValueError: Nothing is quoted.
    """
    match = _QUOTED.search(text)
    if match is None:
        raise ValueError(f"no text in double quotes in {text!r}")
    return match.group(1)


class ReferOrthopaedics(TaskType):
    """Orthopaedic referral; params: ``snomed`` and ``note``, the referral's text, which has no default.

    With ``given``, ``family`` and ``birthdate`` among the params the instruction names the patient by these and not by MRN.
    """

    number = 8
    name = "refer-orthopaedics"
    title = "Immunization Records"
    kind = "action"
    branches = (Branch("refer", "always one ServiceRequest to create", orders=1),)
    params: ClassVar[Mapping[str, Any]] = {"snomed": "306181000000106"}
    wordings = (
        'Please order an orthopaedic surgery referral for {who}, with this free text: "{note}"',
        'The orthopaedic surgeons should see {who}. Send the referral; its free text is "{note}"',
        'I want orthopaedic surgery to look at {who}. Order it and write in the note: "{note}"',
        'Place a referral to orthopaedic surgery for {who} that says: "{note}"',
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """The patient and the referral's text."""
        return (
            f'Refer {who(mrn, params)} to orthopaedic surgery. The referral\'s free text shall read: "{params["note"]}"'
        )

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present and the code."""
        return f"The present time is {now}. A referral to orthopaedic surgery has the SNOMED code {params['snomed']}."

    def facts_query(self, task: Task) -> None:
        """Nothing in the chart decides."""
        return None

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """One ServiceRequest; the answer is not looked at."""
        return Gold(
            "refer", [], [_referral(patient_of(task, facts), task.params["snomed"], task.now, task.params["note"])]
        )

    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """Who is meant, unless the MRN is given."""
        return look_up(task, base)

    def blind(self, task: Task, base: str = "") -> Generator[str, str, None]:
        """Fill the template from instruction and context; without an MRN in them there is nothing to fill it with."""
        if is_named(task.params):
            yield finish([])
            return
        match = _SNOMED.search(task.context)
        if match is None:
            raise ValueError(f"no SNOMED code in {task.context!r}")
        payload = _referral(mrn_in(task), match.group(0), now_in(task), quoted_text(task.instruction))
        yield from act([payload], [], base)


def _referral(mrn: str, snomed: str, now: str, note: str) -> dict[str, Any]:
    return orders.service_request(mrn, orders.SNOMED, snomed, now, note=note)
