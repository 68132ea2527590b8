"""Anthropic's messages through its own SDK, thinking blocks and their signatures included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from medenv.agents.llm.provider import arguments_of, counted, system_of, with_extra
from medenv.agents.llm.sdk import SDKProvider
from medenv.agents.policy import ContextLimitError, Reply
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Message, ToolCall

__all__ = ["AnthropicMessages"]


class AnthropicMessages(SDKProvider):
    """``messages.create`` of the ``anthropic`` package."""

    module, client = "anthropic", "AsyncAnthropic"
    name = "anthropic"
    base_url = "https://api.anthropic.com"
    keys = ("MEDENV_API_KEY", "ANTHROPIC_API_KEY")
    temperature = None  # current models take none
    max_tokens = 8192  # the API wants a number
    lacks = ("logprobs", "token_ids")

    def request(self, conversation: Conversation, seed: int) -> dict[str, Any]:
        """Build the keyword arguments of ``messages.create``."""
        wanted = self.settings
        request: dict[str, Any] = {"model": wanted.model, "max_tokens": wanted.max_tokens or self.max_tokens}
        if system := system_of(conversation):
            request["system"] = system
        request["messages"] = self._messages(conversation)
        if wanted.stop:
            request["stop_sequences"] = list(wanted.stop)
        if wanted.reasoning_effort is not None:
            request |= {"thinking": {"type": "adaptive"}, "output_config": {"effort": wanted.reasoning_effort}}
        if conversation.tools:
            request["tools"] = [
                {"name": f["name"], "description": f["description"], "input_schema": f["parameters"]}
                for f in (tool["function"] for tool in conversation.tools)
            ]
            request["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
        return with_extra(request, wanted.extra, {"temperature": wanted.temperature})

    def _messages(self, conversation: Conversation) -> list[dict[str, Any]]:
        """User and assistant in turn; results of calls are blocks of one user message."""
        out: list[dict[str, Any]] = []
        for message, verbatim in conversation.with_verbatim():
            if message["role"] == "user":
                out.append({"role": "user", "content": message["content"]})
            elif message["role"] == "assistant":
                out.append({"role": "assistant", "content": verbatim.get(self.name) or _blocks(message)})
            elif message["role"] == "tool":
                block = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"]}
                if out[-1]["role"] == "user":
                    out[-1]["content"].append(block)
                else:
                    out.append({"role": "user", "content": [block]})
        return out

    async def call(self, request: Mapping[str, Any]) -> Any:
        """Send through the SDK."""
        return (await self.sdk().messages.with_raw_response.create(**request)).http_response

    def read(self, answer: Any) -> Reply:
        """Text, thoughts and calls among the content's blocks."""
        if answer["type"] != "message" or answer["role"] != "assistant":
            raise TypeError(f"type {answer['type']!r}, role {answer['role']!r}")
        blocks, stop = answer["content"], answer.get("stop_reason")
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        thoughts = "\n\n".join(block["thinking"] for block in blocks if block["type"] == "thinking")
        calls = tuple(
            ToolCall(block["name"], json.dumps(block["input"]), block["id"])
            for block in blocks
            if block["type"] == "tool_use"
        )
        usage = self._usage(answer.get("usage") or {}, stop)
        if stop == "model_context_window_exceeded":
            raise ContextLimitError("the conversation and the reply exceed the model's context window")
        return Reply(text, usage, calls, thoughts or None, verbatim={self.name: blocks} if blocks else None)

    def _usage(self, given: Mapping[str, Any], stop: Any) -> dict[str, Any]:
        cached, written = (given.get(f"cache_{what}_input_tokens") or 0 for what in ("read", "creation"))
        usage = counted(
            prompt_tokens=(given.get("input_tokens") or 0) + cached + written,
            completion_tokens=given.get("output_tokens") or 0,
            cached_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=(given.get("output_tokens_details") or {}).get("thinking_tokens"),
        )
        return {**usage, "finish_reason": stop} if isinstance(stop, str) else usage


def _blocks(message: Message) -> list[dict[str, Any]]:
    """Make the content blocks of an assistant's message that this provider hasn't said itself: text, then calls."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": message["content"]}] if message["content"] else []
    return blocks + [
        {"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": arguments_of(call)}
        for call in message.get("tool_calls") or ()
    ]
