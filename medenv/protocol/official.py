"""The official protocol: prompt and functions read from the user's MedAgentBench checkout, and the harness's replies.

The checkout's code is read as text and never run; POSTs are acknowledged and not sent. Source: medenv's spec of MedAgentBench, section 1.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Any
from urllib.parse import urlsplit

from medenv.fhir.backend import Response
from medenv.protocol.actions import Get, Post, parse
from medenv.protocol.urls import ForeignURLError, absolute, as_requested, has_dots, on_server, relative
from medenv.tasks.official import TaskFileError, load_functions
from medenv.tasks.task import Task

__all__ = [
    "PROMPT_FILE",
    "OfficialInstructions",
    "official_target",
    "reply_to_get",
    "reply_to_post",
    "reply_to_refusal",
    "with_absolute_url",
]

PROMPT_FILE = Path("src") / "server" / "tasks" / "medagentbench" / "__init__.py"
"""Where a checkout defines the prompt, as the constant `PROMPT_NAME`."""

PROMPT_NAME = "MedAgentBench_prompt"
_FIELDS = {"api_base", "functions", "context", "question"}

_GO_ON = "Please call FINISH if you have got answers for all the questions and finished all the requested tasks"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_WHOLE = re.compile(r"[A-Za-z][A-Za-z0-9+\-]*:|/")
_AUTHORITY = re.compile(r"//([^\\/?#]*)")
_HOST = re.compile(r"((?:[^\[\]%:/?#]|%[0-9A-Fa-f]{2})*|\[[0-9A-Fa-f:.]+(?:%[^\]]*)?\])(?::0*(\d{0,5}))?", re.ASCII)
"""How urllib3, which requests reads URLs with, takes one apart."""


@dataclass(frozen=True)
class OfficialInstructions:
    """What the official harness tells an agent first.

    Attributes:
        template: The prompt, with the fields api_base, functions, context and question.
        functions: The function list.
    """

    template: str
    functions: list[dict[str, Any]]

    @classmethod
    def read(cls, checkout: str | Path) -> OfficialInstructions:
        """Read a checkout of MedAgentBench.

        Args:
            checkout: Its folder.

        Raises:
            TaskFileError: The prompt or the function list isn't there, or isn't what it should be.
        """
        root = Path(checkout).expanduser()
        file = root / PROMPT_FILE
        if not file.is_file():
            raise TaskFileError(
                f"{file}: no such file; the official protocol takes its prompt from a checkout of stanfordmlgroup/MedAgentBench, "
                "give that folder"
            )
        template = _constant(file)
        functions = load_functions(root)
        if functions is None:
            raise TaskFileError(
                f"{root}: no funcs_v1.json in a data/medagentbench folder there; is the checkout whole?"
            )
        try:
            template.format(**dict.fromkeys(_FIELDS, ""))
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise TaskFileError(
                f"{file}: {PROMPT_NAME} is not a template of the fields {', '.join(sorted(_FIELDS))}: {error!r}"
            ) from None
        return cls(template, functions)

    def prompt(self, task: Task, base: str) -> str:
        """Write the first message of an episode.

        Args:
            task: What is asked.
            base: The server's base URL without a trailing slash, which the harness adds.
        """
        return self.template.format(
            api_base=f"{base}/", functions=json.dumps(self.functions), context=task.context, question=task.instruction
        )

    @property
    def hash(self) -> str:
        """A hash of the template and the functions: ``sha256:`` and 16 hex digits."""
        return "sha256:" + hashlib.sha256((self.template + json.dumps(self.functions)).encode()).hexdigest()[:16]


def _constant(file: Path) -> str:
    """Read the prompt from the constant `PROMPT_NAME` in a Python source, without running it."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise TaskFileError(f"{file}: can't be read as Python: {error}") from None
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == PROMPT_NAME for target in targets):
            assert isinstance(node, (ast.Assign, ast.AnnAssign))
            try:
                value = ast.literal_eval(node.value) if node.value is not None else None
            except ValueError:
                value = None
            if isinstance(value, str):
                return value
            raise TaskFileError(f"{file}: line {node.lineno}: {PROMPT_NAME} is not a plain string")
    raise TaskFileError(f"{file}: defines no {PROMPT_NAME}; is it another version of MedAgentBench?")


def with_absolute_url(text: str, base: str) -> str:
    """Give a text action the URL that the harness would fetch.

    So who writes relative ones can play the official protocol too.

    Args:
        text: A text action; one whose URL is absolute, and one that has none, stays as it is.
        base: The server's base URL without a trailing slash.
    """
    action = parse(text)
    if not isinstance(action, Get | Post) or (full := absolute(action.url, base)) == action.url:
        return text
    return f"GET {full}" if isinstance(action, Get) else f"POST {full}\n{action.body}"


def official_target(url: str, base: str) -> str:
    """Resolve the URL of a GET to the one that the harness would fetch, relative to the base.

    Args:
        url: The agent's, as written; the harness appends ``&_format=json`` whatever it is.
        base: The server's base URL without a trailing slash.

    Raises:
        ForeignURLError: It isn't an absolute URL below the base, and the message is what the harness's client says of it; of other hosts,
            which the harness fetches and medenv doesn't, that they are others.
    """
    asked = f"{url}&_format=json"
    if refusal := _refusal(asked):
        raise ForeignURLError(refusal)
    sent = as_requested(asked)
    if not on_server(sent, base):
        return relative(sent, base)
    path = "/" + sent.partition("://")[2].partition("/")[2].partition("?")[0].partition("#")[0]
    home = urlsplit(base).path
    if has_dots(path) or not (path + "/").startswith(home + "/"):
        raise ForeignURLError(_status_error(_status_elsewhere(path, home), sent))
    return relative(sent, base)


def _status_elsewhere(path: str, home: str) -> int:
    """How HAPI 7.6.0 and its Tomcat answer a path with dots in it, or outside the base: they resolve dots to see whose it is, and no more.

    Args:
        path: As sent.
        home: The base's path.
    """
    if not (normpath(path) + "/").startswith(home + "/"):
        return 404  # nothing else is on this port
    parts = [part for part in path[len(home) :].split("/") if part]
    # Dots are no resource type, and no id that anything has; further down they are no operation.
    return 404 if parts[0] in (".", "..") or len(parts) == 2 else 400


def _refusal(url: str) -> str | None:
    """Return what ``requests`` says of a URL that it can't send anywhere; None for one that it would send to some host.

    Args:
        url: Without white space around it.
    """
    nowhere = f"No connection adapters were found for {url!r}"
    if ":" in url and not url.lower().startswith("http"):
        return nowhere
    whole = url if _WHOLE.match(url) else "//" + url
    named = _SCHEME.match(whole)
    authority = _AUTHORITY.match(whole, named.end() if named else 0)
    host = _HOST.fullmatch(authority[1].rpartition("@")[2]) if authority else None
    if authority and (host is None or int(host[2] or 0) > 65535):
        return f"Failed to parse: {url}"
    if named is None:
        return f"Invalid URL {url!r}: No scheme supplied. Perhaps you meant https://{url}?"
    if host is None or not host[1]:
        return f"Invalid URL {url!r}: No host supplied"
    if host[1].startswith(("*", ".")):
        return "URL has an invalid label."
    return None if named[1].lower() in ("http", "https") else nowhere


def reply_to_get(response: Response, url: str) -> str:
    """Write the harness's reply after a GET.

    Args:
        response: The server's answer.
        url: The agent's URL, as written.
    """
    if response.status >= 400:
        return _error(_status_error(response.status, as_requested(f"{url}&_format=json")))
    return f"Here is the response from the GET request:\n{response.body}. {_GO_ON}"


def reply_to_refusal(refusal: ForeignURLError) -> str:
    """Write the harness's reply where a GET could not be sent."""
    return _error(str(refusal))


def reply_to_post(action: Post) -> str:
    """Write the harness's reply after a POST, which it never sends."""
    return (
        "Invalid POST request"
        if action.problem is not None
        else f"POST request accepted and executed successfully. {_GO_ON}"
    )


def _status_error(status: int, url: str) -> str:
    """Write the message of the ``HTTPError`` that ``requests`` raises for a status.

    Between the two blanks is no reason phrase, because the server sends none.
    """
    return f"{status} {'Client' if status < 500 else 'Server'} Error:  for url: {url}"


def _error(text: str) -> str:
    return f"Error in sending the GET request: {text}"
