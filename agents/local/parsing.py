"""Makes generated tokens a reply: text, thoughts and calls, as the tokenizer's response template or a common form tells them apart.

Without a response template (transformers 5.13 and later read one from the tokenizer's files) text stays as it was written, thoughts
included, and calls are found in the forms of Hermes, Qwen, Mistral and Llama.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from medenv.agents.policy import Reply
from medenv.protocol.reply import ToolCall, arguments_object

__all__ = ["read_reply", "spoken"]

_TAGGED = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*(\[.*)\Z", re.DOTALL)
_BARE = re.compile(r"\A\s*(?:<\|python_tag\|>)?\s*(\{.*\})\s*\Z", re.DOTALL)


def spoken(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages as chat templates want them: text where there is none, and the arguments of calls as objects where they are JSON."""
    said = []
    for message in messages:
        one = {**message, "content": message["content"] or ""}
        if calls := message.get("tool_calls"):
            one["tool_calls"] = [
                {**call, "function": {**call["function"], "arguments": _arguments(call["function"]["arguments"])}}
                for call in calls
            ]
        said.append(one)
    return said


def _arguments(text: str) -> Any:
    value = arguments_object(text)
    return text if value is None else value


def read_reply(
    tokenizer: Any,
    ids: Sequence[int],
    prompt_ids: Sequence[int],
    tools: Sequence[Mapping[str, Any]],
    stop: Sequence[str],
) -> Reply:
    """Parse generated tokens into a reply.

    Args:
        tokenizer: The model's.
        ids: The tokens, the ending one included.
        prompt_ids: Those of the prompt, which may have begun the reply.
        tools: The functions there are; calls are looked for only if there are any.
        stop: Texts before which the reply is cut.
    """
    if getattr(tokenizer, "response_template", None) and hasattr(tokenizer, "parse_response"):
        parsed = tokenizer.parse_response(list(ids), prefix=list(prompt_ids), tools=list(tools) or None)
        calls = tuple(filter(None, map(_call, parsed.get("tool_calls") or ()))) if tools else ()
        thoughts = parsed.get("reasoning_content") or parsed.get("thinking") or None
        return Reply(_cut(str(parsed.get("content") or ""), stop), calls=calls, reasoning=thoughts)
    text = _cut(_decoded(tokenizer, ids, True), stop)
    if not tools:
        return Reply(text)
    raw = _cut(_decoded(tokenizer, ids, False), stop)  # the marks of calls may be special tokens
    for special in tokenizer.all_special_tokens:
        if special not in ("<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>"):
            raw = raw.replace(special, "")
    calls, rest = _calls(raw)
    return Reply(rest.strip(), calls=calls) if calls else Reply(text)


def _decoded(tokenizer: Any, ids: Sequence[int], skip: bool) -> str:
    return str(tokenizer.decode(list(ids), skip_special_tokens=skip, clean_up_tokenization_spaces=False))


def _cut(text: str, stop: Sequence[str]) -> str:
    return text[: min((text.index(one) for one in stop if one in text), default=len(text))]


def _calls(text: str) -> tuple[tuple[ToolCall, ...], str]:
    """Find the calls in a text, and return them and what is left of it; one that is no JSON isn't a call."""
    for form in (_TAGGED, _MISTRAL, _BARE):
        found: list[ToolCall] = []
        for match in form.finditer(text):
            try:
                value = json.loads(match[1])
            except (ValueError, RecursionError):
                continue
            found += filter(None, map(_call, value if isinstance(value, list) else [value]))
        if found:
            return tuple(found), form.sub("", text)
    return (), text


def _call(value: Any) -> ToolCall | None:
    """Read a call from ``{"name", "arguments"}`` (Llama says ``parameters``), or the same inside ``function``."""
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(name := value.get("name"), str):
        return None
    arguments = value.get("arguments", value.get("parameters", {}))
    return ToolCall(name, arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False))
