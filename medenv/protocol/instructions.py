"""The instructions of the text protocol: one user message that says how to act, what the server offers and what is asked.

The text is written from `ENDPOINTS`; its hash is recorded with every score, so that scores of different prompts aren't mixed.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from medenv.protocol.endpoints import ENDPOINTS, Endpoint
from medenv.tasks.task import Task

__all__ = ["prompt_hash", "text_prompt"]

_TEMPLATE = """\
You assist a clinician. The patients' records are on a FHIR R4 server, and you work with them through its HTTP interface, one request \
at a time. Each of your replies is exactly one action, in one of three forms, and nothing else:

1. Read or search:
GET {base}/RESOURCE?parameter=value&parameter=value

2. Create a resource; the JSON follows on the next lines:
POST {base}/RESOURCE
{{"resourceType": "RESOURCE", ...}}

3. Give the answers and end. This is a JSON list of the answers to all that was asked, [] if nothing was:
FINISH([answer, ...])

Begin with the action word: no explanation, no code fence, one action a reply. After a GET or POST you are shown the server's response. \
You have at most {turns} replies, FINISH included. Requests to other servers are refused.

The server's base is {base}, and it offers:

{endpoints}

Codes of laboratory tests to order are LOINC (http://loinc.org), those of referrals SNOMED CT (http://snomed.info/sct), those of drugs NDC.

Context: {context}

Task: {instruction}"""


def _describe(endpoint: Endpoint) -> str:
    lines = [f"{endpoint.method} {{base}}/{endpoint.resource} - {endpoint.title}. {endpoint.description}"]
    for p in endpoint.parameters:
        form = f", for example {p.example}" if p.example else ""
        lines.append(f"  {p.name}{' (required)' if p.required else ''}: {p.description}{form}")
    return "\n".join(lines)


@lru_cache(maxsize=64)
def _parts(base: str, turns: int) -> tuple[str, str]:
    """The prompt around the context and the instruction, which alone differ between episodes."""
    endpoints = "\n\n".join(_describe(e) for e in ENDPOINTS).replace("{base}", base)
    head, _, rest = _TEMPLATE.partition("{context}")
    tail = rest.partition("{instruction}")[0]
    return head.format(base=base, turns=turns, endpoints=endpoints), tail


def text_prompt(task: Task, base: str, turns: int) -> str:
    """The first message of an episode in the text protocol.

    Args:
        task: What is asked.
        base: The server's base URL without a trailing slash.
        turns: How many replies the agent has.
    """
    head, between = _parts(base, turns)
    return f"{head}{task.context or '(none)'}{between}{task.instruction}"


@lru_cache(maxsize=1)
def prompt_hash() -> str:
    """A hash of the instructions without base, task or turn limit: ``sha256:`` and 16 hex digits."""
    text = _TEMPLATE + "\n\n".join(_describe(e) for e in ENDPOINTS)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]
