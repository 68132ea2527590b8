"""Chat completions as OpenAI, OpenRouter, vLLM, Ollama, llama.cpp and many others speak them, over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from medenv.agents.llm.provider import Provider, without_nulls
from medenv.agents.llm.secret import Secret
from medenv.agents.llm.transport import new_client
from medenv.agents.policy import Reply
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Message, Tokens, ToolCall, storable

__all__ = ["ChatCompletions"]

_ID = "token_id:"


class _Bearer(httpx.Auth):
    """Puts the key on each request, so that it stands in no header table that could be shown."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Any:
        if self._secret:
            request.headers["Authorization"] = self._secret.authorization
        yield request


class ChatCompletions(Provider):
    """``POST BASE/chat/completions``."""

    name = "chat"
    base_url = "https://api.openai.com/v1"
    keys = ("MEDENV_API_KEY", "OPENAI_API_KEY")
    needs_key = False
    _client: Any = None

    def request(self, conversation: Conversation, seed: int) -> dict[str, Any]:
        """Build the JSON body of the request to ``/chat/completions``."""
        wanted = self.settings
        body: dict[str, Any] = {
            "model": wanted.model,
            "messages": [self._message(message, own) for message, own in conversation.with_verbatim()],
            "seed": seed if wanted.seed else None,
            "temperature": wanted.temperature,
            "max_tokens": wanted.max_tokens,
            "stop": list(wanted.stop) or None,
            "reasoning_effort": wanted.reasoning_effort,
            "logprobs": wanted.logprobs or None,
            "return_token_ids": wanted.token_ids or None,
        }
        if conversation.tools:
            body |= {"tools": list(conversation.tools), "parallel_tool_calls": False}
        return without_nulls(body, wanted.extra)

    def _message(self, message: Message, verbatim: Mapping[str, Any]) -> Message:
        own = verbatim.get(self.name)
        return {**message, **own} if isinstance(own, dict) else message

    async def call(self, request: Mapping[str, Any]) -> Any:
        """Post the body."""
        if self._client is None:
            auth = _Bearer(self.secret)
            self._client = new_client(httpx, self.secret, self.timeout, self.capture, auth=auth)
        # orjson, since long conversations are written anew at every turn.
        body, kind = orjson.dumps(request), {"Content-Type": "application/json"}
        return await self._client.post(f"{self.endpoint}/chat/completions", content=body, headers=kind)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def read(self, answer: Any) -> Reply:
        """Read the reply, its usage, calls and tokens from an answer's first choice."""
        choice = answer["choices"][0]
        message = choice["message"]
        if choice.get("error") or choice.get("finish_reason") == "error":
            raise TypeError(f"the choice is an error: {str(choice.get('error'))[:200]}")
        text = _text(message.get("content"))
        calls = tuple(_call(call) for call in message.get("tool_calls") or ())
        thoughts = message.get("reasoning_content") or message.get("reasoning")
        return Reply(
            # A model may say nothing (a refusal, thoughts alone): that is its reply, and no fault of the provider.
            text or "",
            _usage(answer, choice),
            calls,
            thoughts if isinstance(thoughts, str) else None,
            _tokens(answer, choice),
            self._verbatim(message),
        )

    def _verbatim(self, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """Fields that the provider wants back, and calls that carry more than OpenAI's form (a signature)."""
        kept = {name: message[name] for name in self.settings.replay if message.get(name) is not None}
        calls = message.get("tool_calls") or []
        if any(set(call) - {"id", "type", "function", "index"} for call in calls) and all(
            call.get("id") for call in calls
        ):
            kept["tool_calls"] = [{name: value for name, value in call.items() if name != "index"} for call in calls]
        return {self.name: kept} if kept else None


def _text(content: Any) -> str | None:
    if isinstance(content, list):  # parts, as some servers give them; thoughts among them are left out
        return "".join(part["text"] for part in content if part.get("type") == "text")
    if not isinstance(content, str | None):
        raise TypeError(f"content is {type(content).__name__}")
    return content


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = call["function"]
    name, arguments, id_ = function["name"], function.get("arguments"), call.get("id") or ""
    if arguments is None:
        arguments = ""
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    if not isinstance(name, str) or not isinstance(id_, str):
        raise TypeError("a tool call without a name")
    return ToolCall(name, arguments, id_)


def _usage(answer: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any] | None:
    given = answer.get("usage")
    given = given if isinstance(given, dict) else {}
    usage: dict[str, Any] = {k: v for k, v in given.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    for detail, kept in (("prompt_tokens_details", "cached_tokens"), ("completion_tokens_details", "reasoning_tokens")):
        details = given.get(detail)
        value = details.get(kept) if isinstance(details, dict) else None
        if value and isinstance(value, int):
            usage[kept] = value
    if isinstance(choice.get("finish_reason"), str):
        usage["finish_reason"] = choice["finish_reason"]
    return usage or None


def _tokens(answer: Mapping[str, Any], choice: Mapping[str, Any]) -> Tokens | None:
    """Ids as vLLM gives them (``return_token_ids``, or ``token_id:`` texts), log-probabilities as OpenAI does."""
    tokens: Tokens = {}
    if prompt := _ids(answer.get("prompt_token_ids")):
        tokens["prompt_ids"] = prompt
    if ids := _ids(choice.get("token_ids")):
        tokens["ids"] = ids
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if isinstance(content, list) and content:
        try:
            texts = [str(one["token"]) for one in content]
            tokens["logprobs"] = [float(one["logprob"]) for one in content]
        except (KeyError, TypeError, ValueError):
            return tokens or None
        named = [text.removeprefix(_ID) for text in texts]
        if given := _ids([one.get("id") for one in content]):  # llama.cpp
            tokens.setdefault("ids", given)
        if all(text.startswith(_ID) for text in texts) and all(number.isdecimal() for number in named):
            tokens.setdefault("ids", [int(number) for number in named])
        else:
            tokens["texts"] = storable(texts)
    return tokens or None


def _ids(value: Any) -> list[int]:
    return value if isinstance(value, list) and all(type(one) is int for one in value) else []
