"""The nine endpoints and ``finish`` as native functions, and how a call of one is the same action as a text.

Names, parameters and JSON schemas are written from `ENDPOINTS`, as the instructions of the text protocol are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from medenv.errors import InputError
from medenv.protocol.actions import Finish, Get, Post, parse
from medenv.protocol.endpoints import ENDPOINTS, Endpoint, Parameter
from medenv.protocol.reply import ToolCall
from medenv.protocol.urls import ForeignURLError, relative

__all__ = ["FINISH", "NOT_CARRIED_OUT", "TOOLS", "CallError", "UnknownFunctionError", "as_call", "as_text"]

FINISH = "finish"
"""The function that ends an episode."""

NOT_CARRIED_OUT = "Error: this call was not carried out. Make one call a reply."
"""What answers each call of a reply after its first."""

_PAGING = (
    Parameter("_sort", "the parameter to sort by, with a minus before it for descending order, e.g. -date"),
    Parameter("_count", "how many matches a page has"),
    Parameter(
        "next_page", "the url of the link next in an earlier answer, to see its next page; all else is then ignored"
    ),
)
"""What a URL can say on any search and a function needs an argument for."""

_NEXT = "next_page"
_BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}


class UnknownFunctionError(InputError):
    """The agent called a function that there isn't."""


class CallError(InputError):
    """The arguments can't be made a request; `text` is the action as far as it goes."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.text = text


def _schema(example: Any) -> dict[str, Any]:
    """Make the JSON schema of values like an example."""
    if isinstance(example, dict):
        return {"type": "object", "properties": {key: _schema(value) for key, value in example.items()}}
    if isinstance(example, list):
        return {"type": "array", "items": _schema(example[0])}
    return {"type": "string"} if isinstance(example, str) else {"type": "number"}


def _property(parameter: Parameter) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    if parameter.example:
        schema = _schema(json.loads(parameter.example))
        return {**schema, "description": f"{parameter.description}, for example {parameter.example}"}
    if parameter.repeats:
        return {"anyOf": [text, {"type": "array", "items": text}], "description": parameter.description}
    return {**text, "description": parameter.description}


def _argument(name: str) -> str:
    """Turn a parameter's name into an argument's, with underscores for dashes: Gemini's names have none."""
    return name.replace("-", "_")


def _function(endpoint: Endpoint) -> dict[str, Any]:
    parameters = (*endpoint.parameters, *(_PAGING if endpoint.method == "GET" else ()))
    return _tool(
        endpoint.name,
        f"{endpoint.title.capitalize()}: {endpoint.method} {endpoint.resource}. {endpoint.description}",
        {_argument(one.name): _property(one) for one in parameters},
        [_argument(one.name) for one in parameters if one.required],
    )


def _tool(name: str, description: str, properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = required
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


_ANSWERS = {
    "type": "array",
    "items": {"anyOf": [{"type": "string"}, {"type": "number"}]},
    "description": "the answers to all that was asked, [] if nothing was",
}

TOOLS: tuple[Mapping[str, Any], ...] = (
    *(_function(endpoint) for endpoint in ENDPOINTS),
    _tool(FINISH, "Give the answers and end.", {"answers": _ANSWERS}, ["answers"]),
)
"""The functions in the form of OpenAI's chat completions."""


def as_text(call: ToolCall) -> str:
    """Convert a call to the text action that does the same.

    Args:
        call: The call, its arguments unchecked.

    Raises:
        UnknownFunctionError: There is no such function.
        CallError: A search's arguments are no JSON object of texts, numbers and lists of them.
    """
    if call.name == FINISH:
        return f"FINISH({_answers(call.arguments)})"
    endpoint = _BY_NAME.get(call.name)
    if endpoint is None:
        raise UnknownFunctionError(
            f"there is no function {call.name[:120]!r}; there are: {', '.join([*_BY_NAME, FINISH])}"
        )
    if endpoint.method == "POST":
        return f"POST {endpoint.resource}\n{call.arguments}"
    return f"GET {_url(endpoint, call.arguments)}"


def _answers(arguments: str) -> str:
    """Write what stands between FINISH's parentheses; arguments that hold no answers end the episode as they are."""
    try:
        given = json.loads(arguments)
        return json.dumps(given["answers"], ensure_ascii=False)
    except (ValueError, KeyError, TypeError, RecursionError):
        return arguments


def _url(endpoint: Endpoint, arguments: str) -> str:
    unsent = f"GET {endpoint.resource} {arguments}"
    try:
        given: Any = json.loads(arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise CallError(f"its arguments are not JSON: {error or 'nested too deeply'}", unsent) from None
    if not isinstance(given, dict):
        raise CallError("its arguments are no JSON object", unsent)
    if isinstance(following := given.get(_NEXT), str) and following.strip():
        return following
    pairs = []
    meant: dict[str, str] = {_argument(one.name): one.name for one in endpoint.parameters}
    for argument, value in given.items():
        name = meant.get(argument, str(argument))
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict | list):
                raise CallError(f"the argument {name[:120]!r} is neither text nor number nor a list of them", unsent)
            if one is not None and name != _NEXT:
                pairs.append(f"{_quoted(name)}={_quoted(one if isinstance(one, str) else json.dumps(one))}")
    return endpoint.resource + ("?" + "&".join(pairs) if pairs else "")


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe=":,/@")


def as_call(text: str, base: str = "http://localhost:8080/fhir") -> ToolCall | None:
    """Convert a text action to a call, so that who writes text can play the tools protocol too.

    Args:
        text: A text action.
        base: The server's base URL without a trailing slash, which absolute URLs in the text begin with.

    Returns:
        The call; None if the text is no action, or a POST that no function makes.
    """
    action = parse(text)
    if isinstance(action, Finish):
        try:
            return ToolCall(FINISH, json.dumps({"answers": json.loads(action.result)}))
        except (ValueError, RecursionError):
            return ToolCall(FINISH, action.result)
    if not isinstance(action, Get | Post):
        return None
    try:
        path, _, query = relative(action.url, base).partition("?")
    except ForeignURLError:
        path, query = "", ""
    if isinstance(action, Post):
        known = [one.name for one in ENDPOINTS if (one.method, one.resource) == ("POST", path)]
        return ToolCall(known[0], action.body) if known else None
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given[name] = value if name not in given else [*_listed(given[name]), value]
    for endpoint in ENDPOINTS:
        needed = {one.name for one in endpoint.parameters if one.required}
        if (endpoint.method, endpoint.resource) == ("GET", path) and needed <= set(given):
            return ToolCall(endpoint.name, json.dumps(given))
    # A page, a read, or a search without what the function asks for: any address can be followed as a link.
    return ToolCall(next(one.name for one in ENDPOINTS if one.method == "GET"), json.dumps({_NEXT: action.url}))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
