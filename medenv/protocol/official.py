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
from typing import Any

from medenv.fhir.backend import Response
from medenv.protocol.actions import Post
from medenv.protocol.urls import ForeignURLError, quote_url, relative
from medenv.tasks.official import TaskFileError, load_functions
from medenv.tasks.task import Task

__all__ = [
    "PROMPT_FILE",
    "OfficialInstructions",
    "official_target",
    "reply_to_get",
    "reply_to_post",
    "reply_to_refusal",
]

PROMPT_FILE = Path("src") / "server" / "tasks" / "medagentbench" / "__init__.py"
"""Where a checkout defines the prompt, as the constant `PROMPT_NAME`."""

PROMPT_NAME = "MedAgentBench_prompt"
_FIELDS = {"api_base", "functions", "context", "question"}

_GO_ON = "Please call FINISH if you have got answers for all the questions and finished all the requested tasks"
_SCHEME = re.compile(r"https?://", re.IGNORECASE)


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
        """The first message of an episode.

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
    """The prompt's text in a Python source."""
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


def official_target(url: str, base: str) -> str:
    """The URL that the harness would fetch for a GET, relative to the base.

    Args:
        url: The agent's, as written; the harness appends ``&_format=json`` whatever it is.
        base: The server's base URL without a trailing slash.

    Raises:
        ForeignURLError: It isn't an absolute URL below the base. The harness fetches any host; medenv doesn't.
    """
    asked = f"{url}&_format=json"
    if not _SCHEME.match(asked):
        raise ForeignURLError(f"Invalid URL {asked!r}: No scheme supplied. Perhaps you meant https://{asked}?")
    return relative(asked, base)


def reply_to_get(response: Response, url: str, base: str) -> str:
    """The harness's reply after a GET.

    Args:
        response: The server's answer.
        url: Its URL relative to the base.
        base: The base without a trailing slash.
    """
    if response.status >= 400:
        side = "Client" if response.status < 500 else "Server"
        # No reason phrase between the two blanks: the server sends none.
        return _error(f"{response.status} {side} Error:  for url: {base}/{quote_url(url)}")
    return f"Here is the response from the GET request:\n{response.body}. {_GO_ON}"


def reply_to_refusal(refusal: ForeignURLError) -> str:
    """The harness's reply where a GET could not be sent."""
    return _error(str(refusal))


def reply_to_post(action: Post) -> str:
    """The harness's reply after a POST, which it never sends."""
    return (
        "Invalid POST request"
        if action.problem is not None
        else f"POST request accepted and executed successfully. {_GO_ON}"
    )


def _error(text: str) -> str:
    return f"Error in sending the GET request: {text}"
