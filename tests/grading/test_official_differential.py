"""A second, naive grader written straight from the benchmark's rules must agree on mutated conversations.

It knows only the official constants, stops at the first failure and shares no code with the package.
"""

import copy
import json
import random
from datetime import datetime, timedelta

import pytest

from tests.grading.harness import (
    BASE,
    MRN,
    NOTE,
    bp,
    facts,
    harness,
    lab_order,
    magnesium,
    official,
    post,
    potassium,
    recheck,
    referral,
    task,
)

NOW = "2023-11-13T10:15:00+00:00"


def naive(number, chart, history, result, sol=("S1234567",)):
    try:
        assert result is not None
        return rules(number, chart, history, result, list(sol))
    except Exception:
        return False


def rules(number, chart, history, result, sol):
    any_post = False
    for role, text in history:
        if role == "agent" and "POST" in text:
            any_post = True

    def posts():
        out = []
        for i, (role, text) in enumerate(history):
            if role == "agent" and "POST" in text and "POST request accepted" in history[i + 1][1]:
                try:
                    lines = text.split("\n")
                    out.append((lines[0][4:].strip(), json.loads("\n".join(lines[1:]))))
                except Exception:
                    pass
        return out

    def readings():
        return [
            (datetime.fromisoformat(e["effectiveDateTime"]), e["valueQuantity"]["value"], e["effectiveDateTime"])
            for e in chart
        ]

    def latest(window):
        best = None
        for when, value, text in readings():
            if window and when < datetime.fromisoformat(NOW) - timedelta(hours=24):
                continue
            if best is None or when > best[0]:
                best = (when, value, text)
        return best if best and best[1] is not None else None

    def answer():
        return json.loads(result)

    ref = {"reference": f"Patient/{MRN}"}
    if number == 1:
        return not any_post and answer() == sol
    if number == 2:
        born = datetime.strptime(chart[0]["birthDate"], "%Y-%m-%d")
        age = 2023 - born.year - (1 if (born.month, born.day) > (11, 13) else 0)
        return not any_post and answer() == [age]
    if number == 3:
        ((url, p),) = posts()
        (_,) = p["category"]
        (_,) = p["category"][0]["coding"]
        return (
            url == BASE + "Observation"
            and p["resourceType"] == "Observation"
            and p["category"][0]["coding"][0]
            == {"system": "http://hl7.org/fhir/observation-category", "code": "vital-signs", "display": "Vital Signs"}
            and p["code"] == {"text": "BP"}
            and p["effectiveDateTime"] == NOW
            and p["status"] == "final"
            and p["valueString"] == "118/77 mmHg"
            and p["subject"] == ref
        )
    if number == 4:
        found = latest(True)
        return not any_post and answer() == [found[1] if found else -1]
    if number == 5:
        found = latest(True)
        if not found:
            return not any_post
        if found[1] > 1.9:
            return not any_post and answer() in ([found[1]], [])
        ((url, p),) = posts()
        d = 4 if found[1] < 1 else (2 if found[1] < 1.5 else 1)
        dosage = p["dosageInstruction"][0]
        return (
            url == BASE + "MedicationRequest"
            and p["resourceType"] == "MedicationRequest"
            and p["medicationCodeableConcept"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/ndc"
            and p["medicationCodeableConcept"]["coding"][0]["code"] == "0338-1715-40"
            and "2023-11-13T10:15" in p["authoredOn"]
            and dosage["route"] == "IV"
            and dosage["doseAndRate"][0]["doseQuantity"] == {"value": d, "unit": "g"}
            and dosage["doseAndRate"][0]["rateQuantity"] == {"value": d, "unit": "h"}
            and p["status"] == "active"
            and p["intent"] == "order"
            and p["subject"] == ref
            and answer() in ([found[1]], [])
        )
    if number == 6:
        inside = [v for when, v, _ in readings() if when >= datetime.fromisoformat(NOW) - timedelta(hours=24)]
        total = 0.0
        for v in inside:
            total += v
        mean = total / len(inside) if inside else -1
        said = answer()
        return not any_post and len(said) == 1 and abs(said[0] - mean) < 0.1
    if number == 7:
        found = latest(False)
        return not any_post and answer() == [found[1] if found else -1]
    if number == 8:
        ((url, p),) = posts()
        return (
            url == BASE + "ServiceRequest"
            and p["resourceType"] == "ServiceRequest"
            and p["code"]["coding"][0]["system"] == "http://snomed.info/sct"
            and p["code"]["coding"][0]["code"] == "306181000000106"
            and p["authoredOn"] == NOW
            and p["status"] == "active"
            and p["intent"] == "order"
            and p["priority"] == "stat"
            and NOTE in p["note"]["text"]
            and p["subject"] == ref
        )
    if number == 9:
        found = latest(False)
        said = answer() in ([found[1] if found else -1], [])
        if not found or found[1] >= 3.5:
            return not any_post and said
        (url, p), (url2, s) = posts()
        dose = p["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
        return (
            url == BASE + "MedicationRequest"
            and p["resourceType"] == "MedicationRequest"
            and p["medicationCodeableConcept"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/ndc"
            and p["medicationCodeableConcept"]["coding"][0]["code"] == "40032-917-01"
            and "2023-11-13T10:15" in p["authoredOn"]
            and p["dosageInstruction"][0]["route"].lower().strip() == "oral"
            and abs(dose["value"] - (3.5 - found[1]) / 0.1 * 10) <= 0.1
            and dose["unit"] == "mEq"
            and p["status"] == "active"
            and p["intent"] == "order"
            and p["subject"] == ref
            and url2 == BASE + "ServiceRequest"
            and lab(s, "2823-3")
            and "2023-11-14T08:" in s["occurrenceDateTime"]
            and said
        )
    found = latest(False)
    said = answer() in ([found[1], found[2]] if found else [-1], [])
    if not found or found[0] < datetime.fromisoformat("2022-11-13T10:15:00+00:00"):
        ((url, p),) = posts()
        return url == BASE + "ServiceRequest" and lab(p, "4548-4") and said
    return not any_post and said


def lab(p, code):
    return (
        p["resourceType"] == "ServiceRequest"
        and p["code"]["coding"][0]["system"] == "http://loinc.org"
        and p["code"]["coding"][0]["code"] == code
        and p["authoredOn"] == NOW
        and p["status"] == "active"
        and p["intent"] == "order"
        and p["priority"] == "stat"
        and p["subject"] == {"reference": f"Patient/{MRN}"}
    )


TIMES = [
    "2023-11-13T08:00:00+00:00", "2023-11-12T10:15:00+00:00", "2023-11-12T10:14:59+00:00", "2023-11-13T03:00:00-05:00",
    "2022-11-13T10:15:00+00:00", "2022-11-13T10:14:59+00:00", "2021-01-01T00:00:00+00:00", "2024-01-01T00:00:00+00:00",
]  # fmt: skip
VALUES = {
    "MG": [0.8, 1, 1.0, 1.2, 1.5, 1.9, 1.95, 2.7],
    "K": [2.5, 3.1, 3.3, 3.4, 3.49, 3.5, 4.2],
    "GLU": [50, 100, 99.5, 180],
    "A1C": [5.5, 9.1, 7],
}
WORST = [None, "2.7", True, {}, []]
JUNK = [
    None,
    True,
    0,
    1,
    2.0,
    "",
    "active",
    "IV",
    "x",
    [],
    {},
    [None],
    {"text": "IV"},
    "2023-11-13T10:15",
    NOW,
    NOTE,
    float("nan"),
    [NOW],
]


def random_chart(number, rng):
    if number == 2:
        return rng.choice(
            [[{"birthDate": rng.choice(["1950-11-13", "1950-11-14", "1971-01-02", "1950", ""])}], [], [{}]]
        )
    code = {4: "MG", 5: "MG", 6: "GLU", 7: "GLU", 9: "K", 10: "A1C"}.get(number)
    if code is None:
        return None
    pairs = [(rng.choice(TIMES), rng.choice(VALUES[code])) for _ in range(rng.choice([0, 1, 1, 2, 3, 5]))]
    if pairs and rng.random() < 0.1:
        pairs[rng.randrange(len(pairs))] = (rng.choice([*TIMES, "2023-11-13", "nonsense"]), rng.choice([*WORST, ...]))
    return facts(*pairs)


def good_texts(number, chart, rng):
    """Replies near a right episode: some of the right orders, an answer drawn from what the chart holds."""
    values = [e["valueQuantity"]["value"] for e in chart or () if "valueQuantity" in e]
    answers = [
        [],
        [-1],
        *[[v] for v in values],
        *[[v, t] for v in values for t in TIMES[:2]],
        [53],
        [73],
        [72],
        ["S1234567"],
        [100.1],
        [75.0],
    ]
    if number == 2:
        answers = [[age] for age in (52, 53, 72, 73)]
    dose, level = rng.choice([1, 2, 4]), rng.choice(VALUES["K"])
    orders = {
        3: [bp()],
        5: [magnesium(dose)],
        8: [referral()],
        9: [potassium(rng.choice([(3.5 - level) / 0.1 * 10, round((3.5 - level) * 100)])), recheck()],
        10: [lab_order("4548-4")],
    }.get(number, [bp()])
    if number == 5 and values:
        v = values[0]
        orders = [magnesium(4 if isinstance(v, float) and v < 1 else dose)]
    count = rng.choice([0, len(orders), len(orders), len(orders) + (rng.random() < 0.2)])
    if number in (1, 2, 4, 6, 7) and rng.random() < 0.9:
        count = 0
    texts = [post(o) for o in (orders * 2)[:count]]
    return [*texts, f"FINISH({json.dumps(rng.choice(answers))})"]


def mutate_payload(text, rng):
    head, _, body = text.partition("\n")
    payload = copy.deepcopy(json.loads(body))
    node, path = payload, []
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = rng.choice(keys)
        path.append(key)
        if isinstance(node[key], (dict, list)) and node[key] and rng.random() < 0.75:
            node = node[key]
            continue
        choice = rng.random()
        if choice < 0.3:
            node[key] = rng.choice(JUNK)
        elif choice < 0.5:
            del node[key]
        elif choice < 0.6 and isinstance(node, list):
            node.append(node[key])
        elif choice < 0.8 and isinstance(node, dict):
            node["extra"] = "x"
        elif isinstance(node[key], (int, float)):
            node[key] += rng.choice([0.05, 0.1, -0.1, 1])
        elif isinstance(node[key], str):
            node[key] = rng.choice(
                [node[key].upper(), node[key].lower(), f" {node[key]} ", node[key][:-1], node[key] + "Z"]
            )
        break
    return f"{head}\n{json.dumps(payload)}"


def mutate_text(text, rng):
    """One of the ways in which replies go wrong, or look wrong and are right."""
    rest = text.replace("POST ", "POST", 1)
    variants = [
        *(
            f"```\n{text}\n```",
            f"```{text}",
            f"```tool_code\n{text}```",
            f" {text}",
            f"\n{text}",
            f"{text}\n",
            f"{text} done",
        ),
        *(
            text[:-1],
            rest,
            text.replace("\n", "\r\n"),
            text.replace(BASE, BASE.rstrip("/")),
            text.replace("8080/fhir/", "8080/fhir//"),
        ),
        *(text.lower(), text.replace("}", "", 1), "GET Patient?name=POST", "FINISH([])", 'FINISH(["POST"])', text),
        *(
            text.replace("\n", "/\n", 1),
            text.replace("FINISH(", "FINISH"),
            f"Thinking. {text}",
            text.replace("\n", " \n", 1),
        ),
        *(text.replace("POST", "POST POST", 1), text + text),
    ]
    return rng.choice(variants)


def conversation(number, rng):
    chart = random_chart(number, rng)
    texts = good_texts(number, chart, rng)
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        n = rng.randrange(len(texts))
        if texts[n].startswith("POST") and rng.random() < 0.6:
            try:
                texts[n] = mutate_payload(texts[n], rng)
            except (ValueError, RecursionError):
                continue
        else:
            texts[n] = mutate_text(texts[n], rng)
    if rng.random() < 0.1:
        texts.insert(
            rng.randrange(len(texts) + 1),
            rng.choice(["GET Patient/S1", "POST x\n{}", "POST x\nbroken", "hello", "GET POST"]),
        )
    if rng.random() < 0.1:
        rng.shuffle(texts)
    return chart, texts


def disagreements(number, count, seed):
    rng = random.Random(f"{seed}/{number}")
    bad, passed = [], 0
    for _ in range(count):
        chart, texts = conversation(number, rng)
        history, result, _ = harness(texts)
        if result is None and rng.random() < 0.1:
            result = {"error": "raised"}
        want = naive(number, chart, history, result)
        got = official(task(number), chart, texts, result=result).score == 1.0
        passed += want
        if want != got:
            bad.append((want, chart, texts))
    return bad, passed / count


@pytest.mark.parametrize("number", range(1, 11))
def test_second_implementation_agrees(number):
    bad, share = disagreements(number, 10_000, seed=0)
    assert not bad
    assert 0.01 < share < 0.98, "the mutations must leave both verdicts"
