"""OpenAI's responses through its own SDK: stateless, with encrypted reasoning sent back from turn to turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medenv.agents.llm.faults import TransientError, is_context_limit
from medenv.agents.llm.provider import counted, system_of, with_extra
from medenv.agents.llm.sdk import SDKProvider
from medenv.agents.policy import ContextLimitError, Reply
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Message, Tokens, ToolCall, storable

__all__ = ["OpenAIResponses"]


class OpenAIResponses(SDKProvider):
    """``responses.create`` of the ``openai`` package."""

    module, client = "openai", "AsyncOpenAI"
    name = "responses"
    base_url = "https://api.openai.com/v1"
    keys = ("MEDENV_API_KEY", "OPENAI_API_KEY")
    temperature = None  # reasoning models take none
    lacks = ("stop", "token_ids")

    def request(self, conversation: Conversation, seed: int) -> dict[str, Any]:
        """Build the keyword arguments of ``responses.create``."""
        wanted = self.settings
        request: dict[str, Any] = {"model": wanted.model, "input": self._items(conversation), "store": False}
        if system := system_of(conversation):
            request["instructions"] = system
        if wanted.temperature is not None:
            request["temperature"] = wanted.temperature
        if wanted.max_tokens is not None:
            request["max_output_tokens"] = wanted.max_tokens
        if wanted.reasoning_effort is not None:
            request["reasoning"] = {"effort": wanted.reasoning_effort}
        if wanted.logprobs:
            request["include"] = ["message.output_text.logprobs"]
        if conversation.tools:
            request["tools"] = [
                {"type": "function", **tool["function"], "strict": False} for tool in conversation.tools
            ]
            request["parallel_tool_calls"] = False
        return with_extra(request, wanted.extra)

    def _items(self, conversation: Conversation) -> list[dict[str, Any]]:
        """Messages, calls and their outputs as the API lists them."""
        out: list[dict[str, Any]] = []
        for message, verbatim in conversation.with_verbatim():
            if message["role"] == "user":
                out.append({"role": "user", "content": message["content"]})
            elif message["role"] == "assistant":
                out += verbatim.get(self.name) or _said(message)
            elif message["role"] == "tool":
                out.append(
                    {
                        "type": "function_call_output",
                        "call_id": message["tool_call_id"],
                        "output": message["content"],
                    }
                )
        return out

    async def call(self, request: Mapping[str, Any]) -> Any:
        """Send through the SDK."""
        return (await self.sdk().responses.with_raw_response.create(**request)).http_response

    def read(self, answer: Any) -> Reply:
        """Text, summaries of thoughts and calls among the output's items."""
        if answer["status"] not in ("completed", "incomplete"):
            raise self._failed(answer)
        items = answer["output"]
        texts = [
            part
            for item in items
            if item["type"] == "message"
            for part in item["content"]
            if part["type"] == "output_text"
        ]
        calls = tuple(
            ToolCall(item["name"], item["arguments"], item["call_id"])
            for item in items
            if item["type"] == "function_call"
        )
        thoughts = "\n\n".join(
            part["text"] for item in items if item["type"] == "reasoning" for part in item.get("summary") or ()
        )
        text = "".join(part["text"] for part in texts)
        usage = self._usage(answer)
        verbatim = {self.name: items} if items else None
        return Reply(text, usage, calls, thoughts or None, _tokens(texts), verbatim)

    def _failed(self, answer: Mapping[str, Any]) -> Exception:
        error = answer.get("error") or {}
        reason = f"the response's status is {answer['status']!r}: {error.get('code')}: {error.get('message')}"
        return ContextLimitError(reason) if is_context_limit(reason) else TransientError(reason)

    def _usage(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        given = answer.get("usage") or {}
        into, out = given.get("input_tokens_details") or {}, given.get("output_tokens_details") or {}
        usage = counted(
            prompt_tokens=given.get("input_tokens"),
            completion_tokens=given.get("output_tokens"),
            cached_tokens=into.get("cached_tokens"),
            cache_write_tokens=into.get("cache_write_tokens"),
            reasoning_tokens=out.get("reasoning_tokens"),
        )
        reason = (answer.get("incomplete_details") or {}).get("reason") or answer["status"]
        return {**usage, "finish_reason": str(reason)}


def _said(message: Message) -> list[dict[str, Any]]:
    """Make the input items of an assistant's message that this provider hasn't said itself: text, then calls."""
    items: list[dict[str, Any]] = [{"role": "assistant", "content": message["content"]}] if message["content"] else []
    return items + [
        {
            "type": "function_call",
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
        }
        for call in message.get("tool_calls") or ()
    ]


def _tokens(texts: list[dict[str, Any]]) -> Tokens | None:
    listed = [one for part in texts for one in part.get("logprobs") or ()]
    if not listed:
        return None
    return {
        "logprobs": [float(one["logprob"]) for one in listed],
        "texts": storable([str(one["token"]) for one in listed]),
    }
