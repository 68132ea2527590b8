"""The list of models by name: provider, API, base URL, key variable, prices and context length, as TOML that users extend.

A file of the user's own is laid over the list key by key, so that a price can be mended in one line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from medenv.agents.llm import LLMPolicy
from medenv.agents.model_file import SHIPPED, Api, Model, ModelFileError, Models, Price, Provider, read_files
from medenv.errors import InputError

__all__ = [
    "SHIPPED",
    "VARIABLE",
    "ModelEntry",
    "ModelFileError",
    "ModelList",
    "Price",
    "find",
    "model_list",
    "own_file",
]

VARIABLE = "MEDENV_MODELS"
"""Environment variable with the path of the user's own file, or of several as in PATH."""

KEY_VARIABLE = "MEDENV_API_KEY"
"""Environment variable with the key for a model that names neither a provider nor a variable."""

_PLACE = ("base_url", "provider", "api_key_env")


@dataclass(frozen=True)
class ModelEntry:
    """One model of the list, with what its provider's table says filled in.

    Attributes:
        name: Its name in the list.
        model: Its name at the provider.
        provider: The provider's name, ``custom`` if the entry names none.
        title: The provider's name for people.
        api: Which API it is asked through.
        base_url: The API's base, without a trailing slash.
        key_env: Environment variables that may hold the key; the first one set counts.
        key_optional: Whether the server may do without a key.
        key_check: A path below the base URL that tells a good key from a bad one, where the list of models doesn't.
        context: Tokens that a conversation may have; None if unknown.
        price: What it costs; None if unknown.
        aliases: Other names it is found by.
        report: Its name in the benchmark report's tables; None for the user's own.
        note: A remark.
        options: Defaults for the agent ``llm``, e.g. ``{"temperature": 1.0}``.
        source: The file that the entry stands in.
    """

    name: str
    model: str
    provider: str
    title: str
    api: Api
    base_url: str
    key_env: tuple[str, ...]
    source: Path
    key_optional: bool = False
    key_check: str | None = None
    context: int | None = None
    price: Price | None = None
    aliases: tuple[str, ...] = ()
    report: str | None = None
    note: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key_variable(self) -> str | None:
        """The environment variable that holds the key now; None if none is set."""
        return next((name for name in self.key_env if os.environ.get(name, "").strip()), None)

    @property
    def needs_key(self) -> bool:
        """Whether the server refuses to work without a key, as far as the list knows."""
        return bool(self.key_env) and not self.key_optional


@dataclass(frozen=True)
class ModelList:
    """The models of all files together.

    Attributes:
        entries: By name, in the files' order.
        files: The files that were read, the first one first.
    """

    entries: Mapping[str, ModelEntry]
    files: tuple[Path, ...]

    def find(self, name: str) -> ModelEntry | None:
        """Find an entry by name, whatever its case; None if there is none.

        Its name in the list counts first, then its name at the provider, an alias or the report's name.

        Args:
            name: E.g. ``gpt-4o``, ``qwen/qwen3-14b`` or ``Claude Opus 4.5``.
        """
        wanted = name.strip().lower()
        for names in (lambda e: (e.name,), lambda e: (e.model, *e.aliases, e.report or "")):
            for entry in self.entries.values():
                if wanted and wanted in (one.lower() for one in names(entry)):
                    return entry
        return None

    def near(self, name: str) -> list[str]:
        """Names that look like this one, best first."""
        return get_close_matches(name.lower(), self.entries, n=3, cutoff=0.6)


def own_file() -> Path:
    """Where the user's own models are read from without being asked: ``models.toml`` in the configuration's folder."""
    return user_config_path("medenv") / "models.toml"


def model_list(file: str | Path | None = None) -> ModelList:
    """Read the shipped list with the user's own laid over it.

    What is laid over, the later ones last: `own_file`, if it is there; the files that `VARIABLE` names; `file`.

    Args:
        file: One more file, e.g. of ``--models``.

    Raises:
        ModelFileError: A file is missing, no TOML, or says something that can't be.
    """
    own = own_file()
    named = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part.strip()]
    files = [SHIPPED, *([own] if own.is_file() else []), *named, *([Path(file).expanduser()] if file else [])]
    stamps = [(SHIPPED, 0, 0)]  # which doesn't change, and has no status inside a zip
    for one in files[1:]:
        try:
            stat = one.stat()
        except OSError as error:
            raise ModelFileError(f"model file {str(one)!r} can't be read: {error.strerror or error}") from None
        stamps.append((one, stat.st_mtime_ns, stat.st_size))
    return _read(tuple(stamps))


def find(name: str, file: str | Path | None = None) -> ModelEntry | None:
    """Find a model of the list by name, see `ModelList.find`; None if it isn't there.

    Args:
        name: The model's name.
        file: A file that is laid over the list, as for `model_list`.

    Raises:
        ModelFileError: A file can't be used.
    """
    return model_list(file).find(name)


def llm_options(model: str, models: str | Path | None = None, **given: Any) -> dict[str, Any]:
    """Fill in the options of the agent ``llm`` with what the list knows of a model; what is given counts more.

    With a base URL that is given the list is left alone, since another server has other names, keys and prices; but for models that
    users serve themselves it still says the model's name there.

    Args:
        model: A name of the list, or any other with `base_url` or `provider`.
        models: A model file, as for `model_list`.
        given: Options of `medenv.agents.llm.LLMPolicy`.

    Raises:
        ModelFileError: A model file can't be used.
        ValueError: The model isn't in the list and nothing says where it is, or its key isn't set.
    """
    given = {name: value for name, value in given.items() if value is not None or name not in _PLACE}
    listed = model_list(models)
    entry = listed.find(model)
    elsewhere = "base_url" in given or "provider" in given
    if entry is None and not elsewhere:
        near = listed.near(model)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InputError(
            f"the list of models has no {model!r}; `medenv models` shows it.{hint} For another model say where it is: its server "
            "(--base-url), or the API of a provider that has it (--provider), or a model file of your own (`medenv models --help`)"
        )
    if entry is None or (elsewhere and not entry.key_optional):
        return {"model": model, **given}
    if unknown := [name for name in entry.options if name not in signature(LLMPolicy).parameters]:
        raise ModelFileError(
            f"model file {str(entry.source)!r}: the model {entry.name!r} has the option {unknown[0]!r}, which the agent 'llm' does "
            f"not take; it takes: {', '.join(signature(LLMPolicy).parameters)}"
        )
    options: dict[str, Any] = {"model": entry.model, "base_url": entry.base_url, "provider": entry.api}
    if "api_key_env" not in given:
        options["api_key_env"] = _key_of(entry)
    if entry.price is not None:
        options["prices"] = entry.price.model_dump(include={"input", "output", "cached_input"}, exclude_none=True)
    return {**options, **entry.options, **given}


def _key_of(entry: ModelEntry) -> str:
    """Choose the environment variable with a model's key; ``""`` for none."""
    variable = entry.key_variable or (KEY_VARIABLE if os.environ.get(KEY_VARIABLE) else "")
    if not variable and entry.needs_key:
        names = " or ".join((*entry.key_env, KEY_VARIABLE))
        raise InputError(f"no key for the model {entry.name!r} of {entry.title}: set the environment variable {names}")
    return variable


@lru_cache(maxsize=8)
def _read(stamps: tuple[tuple[Path, int, int], ...]) -> ModelList:
    """Read the files; their time and size are part of the key, so that a changed one is read again."""
    files = tuple(stamp[0] for stamp in stamps)
    models = read_files(files)
    return ModelList({name: _entry(name, model, models) for name, model in models.models.items()}, files)


def _entry(name: str, model: Model, models: Models) -> ModelEntry:
    provider = _provider(name, model, models)
    return ModelEntry(
        name=name,
        model=model.model or name,
        provider=model.provider or "custom",
        title=provider.title or model.provider or "custom",
        api=model.api or provider.api,
        base_url=model.base_url or provider.base_url,
        key_env=provider.key_env if model.key_env is None else model.key_env,
        source=models.source(("models", name)),
        key_optional=provider.key_optional,
        key_check=provider.key_check,
        context=model.context,
        price=model.price,
        aliases=model.aliases,
        report=model.report,
        note=model.note,
        options=model.options,
    )


def _provider(name: str, model: Model, models: Models) -> Provider:
    if model.provider is not None:
        if (known := models.providers.get(model.provider)) is not None:
            return known
        there = (
            f"there are: {', '.join(models.providers)}; or add a table [providers.{model.provider}] with its base_url"
        )
        raise models.wrong(("models", name, "provider"), model.provider, f"no such provider; {there}")
    if model.base_url is None:
        raise models.wrong(("models", name), None, "needs a provider, or a base_url of its own")
    return Provider(base_url=model.base_url, key_env=(KEY_VARIABLE,), key_optional=model.key_env is None)
