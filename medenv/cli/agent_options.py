"""Options that say who plays and how it is told to: shared by every command that runs an agent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from medenv.agents import AGENTS
from medenv.agents.llm import PROVIDERS
from medenv.errors import InputError
from medenv.protocol.instructions import FIELDS
from medenv.protocol.tolerance import TOLERANCES

__all__ = ["AgentOptions"]

_AS_THEY_ARE = (
    *("model", "models", "provider", "base_url", "api_key_env", "max_tokens", "reasoning_effort"),
    *("max_concurrency", "requests_per_minute", "tokens_per_minute", "cache", "timeout", "retries", "backoff"),
    *("adapter", "device", "batch_size"),
)

AGENT, MODEL, PROMPT = "Agent", "Model behind an API (--agent llm)", "Prompt"
LOCAL = "Model on this machine (--agent local, which takes --model, --temperature, --max-tokens, --stop too)"


@dataclass(kw_only=True)
class AgentOptions:
    """Who plays, and with which words it is told what to do."""

    agent: Annotated[
        str | None,
        typer.Option(help=f"Who plays: {', '.join(AGENTS)}; llm if left out with --model.", rich_help_panel=AGENT),
    ] = None
    agent_option: Annotated[
        list[str],
        typer.Option(
            "--agent-option",
            "-O",
            metavar="NAME=VALUE",
            help="Any option of the agent by its name in Python; the value is JSON, or else text. Repeatable. "
            "scripted: script=FILE; replay: run=FOLDER, check=false; vote: policies=llm:NAME,llm:NAME, samples=K.",
            rich_help_panel=AGENT,
        ),
    ] = field(default_factory=list)
    model: Annotated[
        str | None,
        typer.Option(
            help="A name of the list that `medenv models` shows; with --base-url or --provider any name there. local: a folder, or a "
            "name on the Hugging Face hub; sb3: a file that Stable-Baselines3 saved.",
            rich_help_panel=MODEL,
        ),
    ] = None
    models: Annotated[
        Path | None,
        typer.Option(help="A model file to lay over that list; see `medenv models --help`.", rich_help_panel=MODEL),
    ] = None
    provider: Annotated[
        str | None,
        typer.Option(
            help=f"The kind of API: {', '.join(PROVIDERS)}. chat, the default, is any OpenAI-compatible server; the others need "
            "extra 'providers' installed.",
            rich_help_panel=MODEL,
        ),
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(
            help="The API's base, e.g. http://127.0.0.1:8000/v1; the provider's own if left out.", rich_help_panel=MODEL
        ),
    ] = None
    api_key_env: Annotated[
        str | None,
        typer.Option(
            help="Environment variable with the key; MEDENV_API_KEY or the provider's usual one if left out.",
            rich_help_panel=MODEL,
        ),
    ] = None
    temperature: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|none",
            help="Sampling temperature; none leaves it to the server. If left out 0, and none for anthropic and responses.",
            rich_help_panel=MODEL,
        ),
    ] = None
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens a reply may have.", rich_help_panel=MODEL)
    ] = None
    stop: Annotated[
        list[str], typer.Option(help="A text at which a reply ends; repeatable.", rich_help_panel=MODEL)
    ] = field(default_factory=list)
    reasoning_effort: Annotated[
        str | None, typer.Option(help="How much to think, in the provider's words, e.g. low.", rich_help_panel=MODEL)
    ] = None
    logprobs: Annotated[
        bool, typer.Option("--logprobs", help="Ask for log-probabilities and store them.", rich_help_panel=MODEL)
    ] = False
    token_ids: Annotated[
        bool, typer.Option("--token-ids", help="Ask for token ids (vLLM) and store them.", rich_help_panel=MODEL)
    ] = False
    extra: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="More fields for the request, e.g. '{\"top_p\": 0.9}'; null takes a field out.",
            rich_help_panel=MODEL,
        ),
    ] = None
    max_concurrency: Annotated[
        int | None, typer.Option(min=1, help="Most requests under way at the provider.", rich_help_panel=MODEL)
    ] = None
    requests_per_minute: Annotated[
        float | None, typer.Option(min=1, help="Most requests begun in a minute.", rich_help_panel=MODEL)
    ] = None
    tokens_per_minute: Annotated[
        float | None, typer.Option(min=1, help="Most tokens, in and out, in a minute.", rich_help_panel=MODEL)
    ] = None
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder where replies are kept, so that the same run again asks nothing.", rich_help_panel=MODEL
        ),
    ] = None
    timeout: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds to wait for an answer.", rich_help_panel=MODEL)
    ] = None
    retries: Annotated[
        int | None, typer.Option(min=0, help="How often to try again after a transient fault.", rich_help_panel=MODEL)
    ] = None
    backoff: Annotated[
        float | None,
        typer.Option(min=0.0, help="Seconds before the first retry; doubled each time.", rich_help_panel=MODEL),
    ] = None
    adapter: Annotated[
        str | None, typer.Option(help="A LoRA adapter's folder or name on the hub.", rich_help_panel=LOCAL)
    ] = None
    device: Annotated[
        str | None,
        typer.Option(help="cuda, mps, cpu, cuda:1, ...; the best there is if left out.", rich_help_panel=LOCAL),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Most conversations answered at once; 16 if left out.", rich_help_panel=LOCAL),
    ] = None
    prompt: Annotated[
        Path | None,
        typer.Option(
            help="A file with another first message; it may name " + ", ".join(f"{{{name}}}" for name in FIELDS) + ".",
            rich_help_panel=PROMPT,
        ),
    ] = None
    system: Annotated[Path | None, typer.Option(help="A file with a system message.", rich_help_panel=PROMPT)] = None
    tolerances: Annotated[
        list[str],
        typer.Option(
            "--tolerate",
            help="What may be wrong with a reply's form, recorded with the score; repeatable. "
            + "; ".join(f"{name}: {meaning}" for name, meaning in TOLERANCES.items())
            + ".",
            rich_help_panel=PROMPT,
        ),
    ] = field(default_factory=list)

    def arguments(self) -> tuple[str, dict[str, Any]]:
        """Return the agent's name and the options that were given, as `medenv.agents.load` takes them.

        Raises:
            typer.BadParameter: No agent is named, or a value can't be read.
        """
        agent = self.agent or ("llm" if self.model is not None else None)
        if agent is None:
            raise typer.BadParameter(
                f"say who plays: {', '.join(AGENTS)}; a model behind an API is named by --model alone",
                param_hint="--agent",
            )
        if agent == "human":
            raise InputError("a person plays one episode at a time, at the terminal: medenv play")
        given = {name: value for name in _AS_THEY_ARE if (value := getattr(self, name)) is not None}
        given |= {name: value for name in ("stop", "logprobs", "token_ids") if (value := getattr(self, name))}
        if self.temperature is not None:
            given["temperature"] = _number_or_none(self.temperature)
        if self.extra is not None:
            given["extra"] = _object(self.extra)
        for text in self.agent_option:
            name, equals, value = text.partition("=")
            if not equals:
                raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--agent-option")
            given[name.strip().replace("-", "_")] = _json_or_text(value)
        if agent in ("llm", "local", "sb3") and "model" not in given:
            raise typer.BadParameter(f"the agent {agent!r} needs a model", param_hint="--model")
        return agent, given


def _number_or_none(text: str) -> float | None:
    if text.strip().lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number nor none", param_hint="--temperature") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not JSON: {error}", param_hint="--extra") from None
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{text!r} is no JSON object", param_hint="--extra")
    return value


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
