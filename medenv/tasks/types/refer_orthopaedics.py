"""Task type 8: refer a patient to orthopaedic surgery, with a given text.

One branch: the chart does not matter but for who is meant, where the instruction names the patient without the MRN.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from medenv.tasks.base import NOTHING_ASKED, SIGNED, AnyPatientTask, Branch, Gold, OfficialFields
from medenv.tasks.instruction import gives_mrn, mrn_in, now_in, quoted_text
from medenv.tasks.official_row import OfficialRow
from medenv.tasks.official_rule import OfficialCase, OfficialChecks, PayloadChecks, accepted_posts
from medenv.tasks.orders import SNOMED, OrderWording, service_request
from medenv.tasks.orders.service import REFERRAL_WORDS
from medenv.tasks.patients import patient_of
from medenv.tasks.reference import act, finish
from medenv.tasks.referrals import referral_text
from medenv.tasks.scenarios import Scenario, Subject
from medenv.tasks.task import Task

__all__ = ["ReferOrthopaedics"]

_CODE = re.compile(r"\b\d{8,18}\b")


class ReferOrthopaedics(AnyPatientTask):
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
        'Refer {who} to orthopaedic surgery. The referral\'s free text shall read: "{note}"',
        'Please order an orthopaedic surgery referral for {who}, with this free text: "{note}"',
        'The orthopaedic surgeons should see {who}. Send the referral; its free text is "{note}"',
        'I want orthopaedic surgery to look at {who}. Order it and write in the note: "{note}"',
        'Place a referral to orthopaedic surgery for {who} that says: "{note}"',
    )
    rules = (
        "A referral to orthopaedic surgery has the SNOMED code {snomed}.",
        SIGNED,
        "Its note holds the quoted text, all of it and nothing else.",
        NOTHING_ASKED,
    )
    scenarios = (
        Scenario("refer", 15, name="by MRN"),
        Scenario("refer", 8, named=True, name="by name"),
        Scenario("refer", 7, named=True, doubles=2, name="by name, doubles"),
    )

    def draw_params(self, scenario: Scenario, subject: Subject, now: datetime, rng: random.Random) -> dict[str, Any]:
        """Draw the referral's text."""
        return {"note": referral_text(rng)}

    def official_fields(self, row: OfficialRow) -> OfficialFields:
        """Read the referral's text, which every official row quotes in full and the graders compare with."""
        try:
            note = quoted_text(row.text("instruction"))
        except ValueError:
            raise row.fail("instruction", "expected the referral's text in double quotes") from None
        return OfficialFields(row.mrn(), "refer", {"note": note})

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return one ServiceRequest; the answer is not looked at."""
        order = _referral(patient_of(task, facts), task.params["snomed"], task.now, task.params["note"])
        return Gold("refer", [], [order])

    def order_wording(self, task: Task, order: Mapping[str, Any]) -> OrderWording:
        """Allow the referral's text, and words about a referral."""
        return OrderWording(REFERRAL_WORDS, whole=task.params["note"])

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare the one payload element by element."""
        if posts := accepted_posts(case, checks, 1, ("ServiceRequest",)):
            found = PayloadChecks(checks, "ServiceRequest", posts[0][1])
            found.coded("code", SNOMED, case.task.params["snomed"])
            found.equal("authoredOn", case.task.now, "authoredOn")
            found.equal("priority", "stat", "priority")
            sentence = case.task.params["note"]
            found.holds("note", sentence, lambda text: sentence in text, "note", "text")
            found.order(case.task.mrn)
        return "refer"

    def blind(self, task: Task, base: str = "") -> Generator[str, str, None]:
        """Fill the template from instruction and context; without an MRN in them there is nothing to fill it with."""
        if not gives_mrn(task):
            yield finish([])
            return
        match = _CODE.search(task.context)
        if match is None:
            raise ValueError(f"no SNOMED code in {task.context!r}")
        payload = _referral(mrn_in(task), match.group(0), now_in(task), quoted_text(task.instruction))
        yield from act([payload], [], base)


def _referral(mrn: str, snomed: str, now: str, note: str) -> dict[str, Any]:
    return service_request(mrn, SNOMED, snomed, now, note=note)
