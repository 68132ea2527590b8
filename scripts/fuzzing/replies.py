"""Odd replies: what models write when they are learning, and what only chance writes, from pieces of the conversation they are in.

Every choice comes from the generator that is handed over, so a seed gives the same replies again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random

from medenv.protocol import Reply, ToolCall
from medenv.protocol.samples import random_action
from medenv.protocol.tools import TOOLS, as_call
from medenv.tasks import Task
from scripts.fuzzing.values import answer, body, odd_text, some_json, url

__all__ = ["odd_call", "odd_reply", "said_as_text"]

_NAMES = tuple(str(tool["function"]["name"]) for tool in TOOLS)

_MODELS_OUTPUT = (
    "<think>\nThe user wants {words}. Let me look it up.\n</think>\n\n{action}",
    "<think>{words}",
    "</think>{action}",
    "<thinking>{words}</thinking>{action}",
    "<reasoning>{action}</reasoning>",
    "{action}\n\n{other}",
    "{action}\n```\n{other}\n```",
    "```tool_code\n{action}\n```",
    "```http\n{action}\n```\nThen I will {words}",
    "```json\n{json}\n```",
    "~~~\n{action}",
    "Sure! I'll start with a search.\n\n{action}",
    "**{action}**",
    "Thought: {words}\nAction: {action}\nObservation: {json}",
    "1. {action}\n2. {other}\n3. FINISH([])",
    "> {action}",
    "`{action}`",
    '"{action}"',
    "<tool_call>\n{call}\n</tool_call>",
    "<tool_call>{call}</tool_call>" * 2,
    "<function={name}><parameter=patient>{words}</parameter></function>",
    '<invoke name="{name}"><parameter name="patient">{words}</parameter></invoke>',
    "[TOOL_CALLS][{call}]",
    "<|channel|>analysis<|message|>{words}<|end|><|start|>assistant<|channel|>commentary to=functions.{name}<|message|>{json}<|call|>",
    "<|im_start|>assistant\n{action}<|im_end|>",
    "assistant: {action}\nuser: {words}",
    "{call}",
    "[{call}, {call}]",
    '{{"role": "assistant", "content": null, "tool_calls": [{{"id": "1", "type": "function", "function": {call}}}]}}',
    '{{"action": "{name}", "action_input": {json}}}',
    "{name}(patient={json})",
    "I can't help with medical requests.",
    "",
    " \n\t",
    "FINISH",
    "FINISH()",
    "FINISH[{json}]",
    "finish({json})",
    "The answer is {json}. FINISH({json})",
    "{action}</s>",
    "{action} HTTP/1.1\nHost: localhost\n\n{json}",
    "GET",
    "POST",
    "GET GET GET GET GET GET",
    "curl -X {action}",
    "DELETE Patient/{words}",
    "PUT Patient/{words}\n{json}",
)
"""Frames in the manner of chat models, reasoning models and their tool calls; none is of any model in particular."""


def odd_reply(random: Random, task: Task, seen: Sequence[str], protocol: str = "text", base: str = "") -> str:
    """One reply as text.

    Args:
        random: Where chance comes from.
        task: The episode's.
        seen: Prompt and observations so far; pieces of them come back.
        protocol: The episode's; with ``tools`` most replies are calls as JSON.
        base: The server's base URL, which some URLs begin with; in ``official`` nearly all.
    """
    text = _frame(random, task, seen, base if protocol == "official" or random.random() < 0.1 else "")
    if random.random() < 0.25:
        text = _mangled(random, text, seen)
    if protocol != "tools" or random.random() < 0.1:
        return text
    return said_as_text(odd_call(random, text))


def odd_call(random: Random, text: str) -> Reply:
    """Make a reply with native calls, mostly the call that a text stands for."""
    call = as_call(text)
    calls = [] if call is None else [call]
    while random.random() < (0.15 if calls else 0.8):
        name = random.choice(_NAMES) if random.random() < 0.9 else odd_text(random)
        arguments = some_json(random) if random.random() < 0.8 else text
        calls.append(ToolCall(name, arguments, random.choice(("", "", "call_1", odd_text(random)))))
    return Reply(text if random.random() < 0.2 else "", calls=calls)


def said_as_text(reply: Reply) -> str:
    """Write a reply with calls as the JSON that stands for it."""
    if len(reply.calls) == 1 and not reply.text:
        return json.dumps({"name": reply.calls[0].name, "arguments": reply.calls[0].arguments})
    calls = [{"id": one.id, "function": {"name": one.name, "arguments": one.arguments}} for one in reply.calls]
    return json.dumps({"role": "assistant", "content": reply.text, "tool_calls": calls})


def _action(random: Random, task: Task, seen: Sequence[str], base: str) -> str:
    kind = random.random()
    prefix = f"{base}/" if base else ""
    if kind < 0.35:
        text = random_action(random, task.mrn)
        method, _, rest = text.partition(" ")
        return f"{method} {prefix}{rest}" if method in ("GET", "POST") else text
    if kind < 0.6:
        return f"GET {prefix}{url(random, task.mrn, _piece(random, seen))}"
    if kind < 0.85:
        place = random.choice(("ServiceRequest", "MedicationRequest", "Observation", "", "?_format=xml", "Patient"))
        if random.random() < 0.1:
            place = url(random, task.mrn, _piece(random, seen))
        return f"POST {prefix}{place}\n{body(random, task, _piece(random, seen))}"
    return f"FINISH({answer(random, _piece(random, seen))})"


def _frame(random: Random, task: Task, seen: Sequence[str], base: str) -> str:
    if random.random() < 0.7:
        return _action(random, task, seen, base)
    return random.choice(_MODELS_OUTPUT).format(
        action=_action(random, task, seen, base),
        other=_action(random, task, seen, base),
        words=_piece(random, seen),
        json=some_json(random),
        name=random.choice(_NAMES),
        call=json.dumps({"name": random.choice(_NAMES), "arguments": {"patient": task.mrn, "code": odd_text(random)}}),
    )


def _piece(random: Random, seen: Sequence[str]) -> str:
    """Cut a piece from the prompt or an observation, now and then a whole one."""
    text = random.choice(seen) if seen else ""
    if not text or random.random() < 0.02:
        return text
    at = random.randrange(len(text))
    return text[at : at + random.choice((1, 8, 40, 40, 200, 2000))]


def _mangled(random: Random, text: str, seen: Sequence[str]) -> str:
    """Mangle a text: cut it, double it, mix it with another or with characters that don't belong there."""
    for _ in range(random.randint(1, 3)):
        text = random.choice(_CHANGES)(random, text, seen)
    return text


def _cut(random: Random, text: str, _: Sequence[str]) -> str:
    low, high = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
    return random.choice((text[:high], text[low:high], text[:low] + text[high:]))


def _doubled(random: Random, text: str, _: Sequence[str]) -> str:
    return random.choice((text + text, text + "\n" + text, text[: len(text) // 2] + text, text + text[::-1]))


def _mixed(random: Random, text: str, seen: Sequence[str]) -> str:
    at = random.randint(0, len(text))
    return text[:at] + _piece(random, seen) + text[at:]


def _strange(random: Random, text: str, _: Sequence[str]) -> str:
    at = random.randint(0, len(text))
    return text[:at] + odd_text(random) + text[at + random.randint(0, 3) :]


def _lines(random: Random, text: str, _: Sequence[str]) -> str:
    lines = text.split("\n")
    random.shuffle(lines)
    return "\n".join(lines)


def _case(random: Random, text: str, _: Sequence[str]) -> str:
    return random.choice((text.lower(), text.upper(), text.swapcase(), text.title()))


def _spaced(random: Random, text: str, _: Sequence[str]) -> str:
    return text.replace(" ", random.choice(("", "  ", "\n", "\t", "\u00a0", "%20", "+")))


def _looped(random: Random, text: str, _: Sequence[str]) -> str:
    word = text[: random.randint(1, 12)] or "the "
    return text + word * random.choice((3, 50, 1000))


_CHANGES: tuple[Callable[[Random, str, Sequence[str]], str], ...] = (
    _cut,
    _cut,
    _doubled,
    _mixed,
    _mixed,
    _strange,
    _strange,
    _lines,
    _case,
    _spaced,
    _looped,
)
