"""The instructions of the text and tools protocols: one user message that says how to act, what there is and what is asked.

They are written from `ENDPOINTS`, or from a user's own template; the hash is recorded with every score, so that scores of different
prompts aren't mixed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from medenv.errors import InputError
from medenv.protocol.endpoints import ENDPOINTS, Endpoint
from medenv.protocol.tools import TOOLS
from medenv.tasks.task import Task

__all__ = ["FIELDS", "Wording", "prompt_hash", "text_prompt", "tools_prompt"]

FIELDS = ("base", "turns", "endpoints", "context", "instruction")
"""What a template may name in braces; every other brace is just a brace."""

_FIELD = re.compile("{(" + "|".join(FIELDS) + ")}")

_CONDUCT = """\
Read only the records of the patient whom the task is about, and write nothing but what it asks for. What you write stands in the chart at \
once, for others to act on, and can't be taken back unnoticed. If you find an order of your own wrong before you have answered, you may \
correct it; one that should not have been made stays a mistake, even if it is deleted."""
"""What is expected of whoever works on a chart; the same in every protocol of medenv's own."""

_TEMPLATE = (
    """\
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

"""
    + _CONDUCT
    + """

Context: {context}

Task: {instruction}"""
)

_TOOLS_TEMPLATE = (
    """\
You assist a clinician. The patients' records are on a FHIR R4 server, and you work with them through the functions you are given. Call \
exactly one function a reply; you are shown the server's response. To give the answers and end, call finish. You have at most {turns} \
replies, finish included.

Codes of laboratory tests to order are LOINC (http://loinc.org), those of referrals SNOMED CT (http://snomed.info/sct), those of drugs NDC.

"""
    + _CONDUCT
    + """

Context: {context}

Task: {instruction}"""
)


def _describe(endpoint: Endpoint) -> str:
    lines = [f"{endpoint.method} {{base}}/{endpoint.resource} - {endpoint.title}. {endpoint.description}"]
    for p in endpoint.parameters:
        form = f", for example {p.example}" if p.example else ""
        lines.append(f"  {p.name}{' (required)' if p.required else ''}: {p.description}{form}")
    return "\n".join(lines)


@lru_cache(maxsize=64)
def _parts(base: str, turns: int) -> tuple[str, str]:
    """Write the text prompt around the context and the instruction, which alone differ between episodes."""
    endpoints = "\n\n".join(_describe(e) for e in ENDPOINTS).replace("{base}", base)
    head, _, rest = _TEMPLATE.partition("{context}")
    tail = rest.partition("{instruction}")[0]
    return head.format(base=base, turns=turns, endpoints=endpoints), tail


def text_prompt(task: Task, base: str, turns: int) -> str:
    """Write the first message of an episode in the text protocol.

    Args:
        task: What is asked.
        base: The server's base URL without a trailing slash.
        turns: How many replies the agent has.
    """
    head, between = _parts(base, turns)
    return f"{head}{task.context or '(none)'}{between}{task.instruction}"


def tools_prompt(task: Task, base: str, turns: int) -> str:
    """Write the first message of an episode in the tools protocol; arguments as for `text_prompt`."""
    return _fill(_TOOLS_TEMPLATE, task, base, turns)


def _fill(template: str, task: Task, base: str, turns: int) -> str:
    endpoints = "\n\n".join(_describe(e) for e in ENDPOINTS).replace("{base}", base)
    values = (base, str(turns), endpoints, task.context or "(none)", task.instruction)
    filled = dict(zip(FIELDS, values, strict=True))
    return _FIELD.sub(lambda field: filled[field[1]], template)


@lru_cache(maxsize=64)
def prompt_hash(protocol: str = "text", template: str | None = None, system: str | None = None) -> str:
    """Hash all that an agent is told but for base, task and turn limit: ``sha256:`` and 16 hex digits.

    Args:
        protocol: ``text`` or ``tools``, whose functions count too.
        template: The user's own; None for medenv's.
        system: The system message, if any.
    """
    text = _TEMPLATE + "\n\n".join(_describe(e) for e in ENDPOINTS)
    if template is not None:
        text = template + "\n\n".join(_describe(e) for e in ENDPOINTS) * ("{endpoints}" in template)
    elif protocol == "tools":
        text = _TOOLS_TEMPLATE
    if protocol == "tools":
        text += json.dumps(TOOLS)
    if system is not None:
        text += f"\0{system}"
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Wording:
    """How an agent is told what to do.

    Attributes:
        template: A user's own first message, with `FIELDS` in braces; None for medenv's instructions.
        system: A system message before it; None for none.
    """

    template: str | None = None
    system: str | None = None

    def __post_init__(self) -> None:
        if self.template is not None and "{instruction}" not in self.template:
            raise InputError(
                f"the prompt {self.template[:60]!r}... has no {{instruction}}, so that no task would be told; a prompt may name "
                f"{', '.join('{' + field + '}' for field in FIELDS)}"
            )

    @classmethod
    def read(cls, prompt: str | Path | None = None, system: str | Path | None = None) -> Wording:
        """Read the two texts from files; trailing line ends are dropped.

        Raises:
            ValueError: A file can't be read as UTF-8 text, or the prompt doesn't name the instruction.
        """
        return cls(_text(prompt), _text(system))

    def prompt(self, task: Task, base: str, turns: int, protocol: str = "text") -> str:
        """Write the user's first message.

        Args:
            task: What is asked.
            base: The server's base URL without a trailing slash.
            turns: How many replies the agent has.
            protocol: ``text`` or ``tools``.
        """
        if self.template is not None:
            return _fill(self.template, task, base, turns)
        return tools_prompt(task, base, turns) if protocol == "tools" else text_prompt(task, base, turns)

    def hash(self, protocol: str = "text") -> str:
        """See `prompt_hash`."""
        return prompt_hash(protocol, self.template, self.system)


def _text(path: str | Path | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} can't be read as text: {error}") from None
