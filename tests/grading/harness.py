"""Plays agent texts as the official harness does, and as the text protocol does, for the grader's tests.

Written from the rules of the official protocol alone, so that it can disagree with the package.
"""

import json

from medenv.grading.official import Case, OfficialGrader, judge
from medenv.tasks.task import DEFAULT_NOW, Task
from medenv.trajectories import Status, Trajectory, Turn

BASE = "http://localhost:8080/fhir/"
ASK = ". Please call FINISH if you have got answers for all the questions and finished all the requested tasks"
NOTE = (
    "Situation: acute left knee injury, Background: radiology report indicates ACL tear. Assessment: ACL tear grade II. "
    "Recommendation: request for Orthopedic service to evaluate and provide management recommendations."
)
PARAMS = {
    1: {"sol": ["S1234567"]},
    2: {},
    3: {"reading": "118/77 mmHg"},
    4: {"code": "MG"},
    5: {"code": "MG", "ndc": "0338-1715-40"},
    6: {"code": "GLU"},
    7: {"code": "GLU"},
    8: {"snomed": "306181000000106", "note": NOTE},
    9: {"code": "K", "ndc": "40032-917-01", "loinc": "2823-3", "recheck_day": "2023-11-14"},
    10: {"code": "A1C", "loinc": "4548-4"},
}
MRN = "S1234567"


def task(number, **params):
    return Task(f"task{number}_1", number, "do it", "", MRN, "official", params={**PARAMS[number], **params})


def harness(texts, get_reply="{}"):
    """History, result and status that the official harness would record."""
    history, result, status = [("user", "the prompt")], None, "task limit reached"
    for text in texts[:8]:
        history.append(("agent", text))
        r = text.strip().replace("```tool_code", "").replace("```", "").strip()
        if r.startswith("GET"):
            history.append(("user", f"Here is the response from the GET request:\n{get_reply}{ASK}"))
        elif r.startswith("POST"):
            try:
                json.loads("\n".join(r.split("\n")[1:]))
            except Exception:
                history.append(("user", "Invalid POST request"))
            else:
                history.append(("user", "POST request accepted and executed successfully" + ASK))
        elif r.startswith("FINISH("):
            result, status = r[len("FINISH(") : -1], "completed"
            break
        else:
            status = "agent invalid action"
            break
    return history, result, status


def facts(*pairs):
    """Chart entries from (time, value) pairs; a value of ... stands for an entry without one."""
    return [{"effectiveDateTime": t, **({} if v is ... else {"valueQuantity": {"value": v}})} for t, v in pairs]


def official(the_task, chart, texts, result=...):
    """The verdict on a conversation as the official harness records it."""
    history, said, _ = harness(texts)
    return judge(Case(the_task, history, said if result is ... else result, chart, BASE))


def text_protocol(the_task, chart, texts, status=None):
    """The verdict on the same replies as a trajectory of the text protocol; observations are the server's, not the harness's."""
    _, result, ended = harness(texts)
    turns = []
    for n, text in enumerate(texts[:8]):
        last = n == len(texts[:8]) - 1 and ended in ("completed", "agent invalid action")
        turns.append(Turn(text, "?", None if last else "HTTP 400\n{}"))
    trajectory = Trajectory(
        the_task,
        BASE.rstrip("/"),
        "the prompt",
        Status(status or ended),
        tuple(turns),
        result,
        facts=chart if chart is not None else [],
    )
    return OfficialGrader().grade(trajectory)


def bp(**changes):
    payload = {
        "resourceType": "Observation",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://hl7.org/fhir/observation-category",
                        "code": "vital-signs",
                        "display": "Vital Signs",
                    }
                ]
            }
        ],
        "code": {"text": "BP"},
        "effectiveDateTime": DEFAULT_NOW,
        "status": "final",
        "valueString": "118/77 mmHg",
        "subject": {"reference": f"Patient/{MRN}"},
    }
    return {**payload, **changes}


def magnesium(dose, **changes):
    payload = {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "0338-1715-40"}]},
        "authoredOn": DEFAULT_NOW,
        "dosageInstruction": [
            {
                "route": "IV",
                "doseAndRate": [
                    {"doseQuantity": {"value": dose, "unit": "g"}, "rateQuantity": {"value": dose, "unit": "h"}}
                ],
            }
        ],
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{MRN}"},
    }
    return {**payload, **changes}


def potassium(dose, route="oral", **changes):
    payload = magnesium(1)
    payload["medicationCodeableConcept"] = {
        "coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "40032-917-01"}]
    }
    payload["dosageInstruction"] = [{"route": route, "doseAndRate": [{"doseQuantity": {"value": dose, "unit": "mEq"}}]}]
    return {**payload, **changes}


def lab_order(code, **changes):
    payload = {
        "resourceType": "ServiceRequest",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "authoredOn": DEFAULT_NOW,
        "status": "active",
        "intent": "order",
        "priority": "stat",
        "subject": {"reference": f"Patient/{MRN}"},
    }
    return {**payload, **changes}


def recheck(when="2023-11-14T08:00:00+00:00", **changes):
    return lab_order("2823-3", occurrenceDateTime=when, **changes)


def referral(**changes):
    payload = lab_order("", note={"text": NOTE})
    payload["code"] = {"coding": [{"system": "http://snomed.info/sct", "code": "306181000000106"}]}
    return {**payload, **changes}


def post(payload, resource=None, base=BASE):
    return f"POST {base}{resource or payload['resourceType']}\n{json.dumps(payload)}"
