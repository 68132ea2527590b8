"""Runs for the tests of the page: three agents on the same tasks, and made-up episodes with everything that may go wrong."""

import base64
import json
import re
import zlib
from dataclasses import replace

from medenv.rollouts import RunFolder
from medenv.trajectories import Turn
from tests.report.logs.made_up import HOSTILE, broken, called, failed
from tests.rollouts.export.runs import fill

BEFORE = {"resourceType": "MedicationRequest", "id": "77", "status": "active", "intent": "order"}
AFTER = {**BEFORE, "status": "stopped"}


def changed(sample):
    """An episode that updated one resource and deleted another."""
    bundle = {"resourceType": "Bundle", "total": 1, "entry": [{"resource": BEFORE}]}
    turns = (
        Turn("GET MedicationRequest?patient=S1", "get", json.dumps(bundle), "GET", "MedicationRequest?patient=S1", 200),
        Turn(f"POST \n{json.dumps(bundle)}", "post", json.dumps(AFTER), "POST", "", 200),
        Turn("<img src=x onerror=window.pwned=1>", "invalid"),
    )
    changes = (
        {"kind": "update", "type": "MedicationRequest", "id": "77", "submitted": None, "stored": AFTER},
        {"kind": "delete", "type": "Observation", "id": "5", "submitted": None, "stored": None},
    )
    return called(sample, turns=turns, changes=changes, protocol="text", error=HOSTILE)


def hostile(folder):
    """A run whose model, task and words would break a page that doesn't take care."""
    with RunFolder(folder, {"split": "builtin"}) as run:
        for one in (called(), failed(), broken(), changed(3)):
            run.append(replace(one, task=replace(one.task, branch=HOSTILE)))
    return folder


def play(root):
    """Three runs on the same twenty tasks, one of them with three attempts at each."""
    agents = (("reference", 1), ("glance", 1), ("random", 3))
    return [fill(root / agent, agent, samples=samples) for agent, samples in agents]


def blocks_of(page):
    """A page's data by name, unpacked."""
    found = re.findall(r'<script type="text/plain" id="([\w-]+)">([^<]*)</script>', page.read_text("utf-8"))
    return {name: json.loads(zlib.decompress(base64.b64decode(text), -15)) for name, text in found}
