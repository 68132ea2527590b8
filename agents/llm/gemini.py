"""Gemini through Google's own SDK, thought signatures included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from medenv.agents.llm.provider import (
    Provider,
    arguments_of,
    counted,
    results,
    system_of,
    without_nulls,
)
from medenv.agents.llm.transport import Exchange, new_client
from medenv.agents.policy import ProviderError, Reply
from medenv.extras import import_optional
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Message, Tokens, ToolCall, storable

__all__ = ["Gemini"]

EXTRA = "gemini"


class Gemini(Provider):
    """``models.generate_content`` of the ``google-genai`` package."""

    name = "gemini"
    base_url = "https://generativelanguage.googleapis.com"
    keys = ("MEDENV_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")
    lacks = ("token_ids",)
    _client: Any = None
    _http: Any = None

    @classmethod
    def prepare(cls) -> None:
        """See `Provider.prepare`."""
        import_optional("google.genai", EXTRA)

    def request(self, conversation: Conversation, seed: int) -> dict[str, Any]:
        """Build the keyword arguments of ``generate_content``: model, contents (as on the wire) and config."""
        wanted = self.settings
        config: dict[str, Any] = {
            "system_instruction": system_of(conversation) or None,
            "temperature": wanted.temperature,
            "max_output_tokens": wanted.max_tokens,
            "stop_sequences": list(wanted.stop) or None,
            "seed": seed % 2**31 if wanted.seed else None,  # the API's is an int32
            "response_logprobs": wanted.logprobs or None,
            "automatic_continuation": False,  # one request a turn
        }
        if wanted.reasoning_effort is not None:
            config["thinking_config"] = {"thinking_level": wanted.reasoning_effort, "include_thoughts": True}
        if conversation.tools:
            functions = [
                {"name": f["name"], "description": f["description"], "parameters_json_schema": f["parameters"]}
                for f in (tool["function"] for tool in conversation.tools)
            ]
            config["tools"] = [{"function_declarations": functions}]
            config["automatic_function_calling"] = {"disable": True}
        return {
            "model": wanted.model,
            "contents": self._contents(conversation),
            "config": without_nulls(config, wanted.extra),
        }

    def _contents(self, conversation: Conversation) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        functions = results(conversation.messages)
        named: set[str] = set()  # calls that the provider itself gave an id
        for message, verbatim in conversation.with_verbatim():
            if message["role"] == "user":
                out.append({"role": "user", "parts": [{"text": message["content"]}]})
            elif message["role"] == "assistant":
                content = verbatim.get(self.name) or {"role": "model", "parts": _parts(message)}
                named |= {
                    part["functionCall"]["id"] for part in content["parts"] if "id" in part.get("functionCall", {})
                }
                out.append(content)
            elif message["role"] == "tool":
                id_ = message["tool_call_id"]
                response = {"name": functions[id_], "response": {"result": message["content"]}}
                part = {"functionResponse": {"id": id_, **response} if id_ in named else response}
                if "functionResponse" in out[-1]["parts"][-1]:
                    out[-1]["parts"].append(part)
                else:
                    out.append({"role": "user", "parts": [part]})
        return out

    async def call(self, request: Mapping[str, Any]) -> Any:
        """Send through the SDK, which neither retries nor follows redirects, and gives the answer without reading it."""
        sdk = import_optional("google.genai", EXTRA)
        types = import_optional("google.genai.types", EXTRA)
        if self._client is None:
            self._http = new_client(import_optional("httpx2", EXTRA), self.secret, self.timeout, self.capture)
            options = types.HttpOptions(
                base_url=self.endpoint,
                timeout=max(1, int(self.timeout * 1000)),
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_async_client=self._http,
            )
            self._client = sdk.Client(vertexai=False, api_key=self.secret.reveal() or "none", http_options=options)
        answer = await self._client.aio.models.generate_content(
            model=request["model"],
            # Only its JSON reader takes a signature for the base64 that it is.
            contents=[types.Content.model_validate_json(json.dumps(one)) for one in request["contents"]],
            config=types.GenerateContentConfig(**request["config"], should_return_http_response=True),
        )
        told = answer.sdk_http_response  # the SDK raises for any other status
        return Exchange(status=200, headers=dict(told.headers or {}), text=told.body)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._http.aclose()
            self._client = self._http = None

    def read(self, answer: Any) -> Reply:
        """Text, thoughts and calls among the first candidate's parts."""
        if not answer.get("candidates") and (blocked := (answer.get("promptFeedback") or {}).get("blockReason")):
            raise ProviderError(f"the provider blocked the prompt: {blocked}")
        candidate = answer["candidates"][0]
        content = candidate.get("content") or {}
        parts = content.get("parts") or []
        if not all(isinstance(part, dict) for part in parts):
            raise TypeError("a part is no object")
        text = "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
        thoughts = "\n\n".join(part["text"] for part in parts if "text" in part and part.get("thought"))
        calls = tuple(
            ToolCall(call["name"], json.dumps(call.get("args") or {}), call.get("id") or "")
            for call in (part["functionCall"] for part in parts if "functionCall" in part)
        )
        usage = self._usage(answer, candidate)
        tokens = _tokens(candidate)
        verbatim = {self.name: {"role": "model", "parts": parts}} if parts else None
        return Reply(text, usage, calls, thoughts or None, tokens, verbatim)

    def _usage(self, answer: Mapping[str, Any], candidate: Mapping[str, Any]) -> dict[str, Any]:
        given = answer.get("usageMetadata") or {}
        thoughts = given.get("thoughtsTokenCount") or 0
        usage = counted(
            prompt_tokens=given.get("promptTokenCount"),
            completion_tokens=(given.get("candidatesTokenCount") or 0) + thoughts,
            cached_tokens=given.get("cachedContentTokenCount"),
            reasoning_tokens=thoughts,
        )
        reason = candidate.get("finishReason")
        return {**usage, "finish_reason": reason} if isinstance(reason, str) else usage


def _parts(message: Message) -> list[dict[str, Any]]:
    """Make the parts of an assistant's message that this provider hasn't said itself: its text, then its calls."""
    parts: list[dict[str, Any]] = [{"text": message["content"]}] if message["content"] else []
    return parts + [
        {"functionCall": {"name": call["function"]["name"], "args": arguments_of(call)}}
        for call in message.get("tool_calls") or ()
    ]


def _tokens(candidate: Mapping[str, Any]) -> Tokens | None:
    listed = (candidate.get("logprobsResult") or {}).get("chosenCandidates") or []
    if not listed:
        return None
    tokens: Tokens = {
        "logprobs": [float(one["logProbability"]) for one in listed],
        "texts": storable([str(one["token"]) for one in listed]),
    }
    if all(isinstance(one.get("tokenId"), int) for one in listed):
        tokens["ids"] = [one["tokenId"] for one in listed]
    return tokens
