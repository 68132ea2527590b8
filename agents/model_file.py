"""Model files: what they may say, how one is laid over another, and errors that quote file, key and value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError

from medenv.agents import toml_compat as toml
from medenv.errors import DataError

__all__ = ["APIS", "SHIPPED", "Api", "Model", "ModelFileError", "Models", "Price", "Provider", "read_files"]

Api = Literal["chat", "responses", "anthropic", "gemini"]
"""``chat``: OpenAI-compatible chat completions; the others are the provider's own."""

APIS: tuple[str, ...] = get_args(Api)


SHIPPED = Path(__file__).parent / "data" / "models.toml"
"""The list that comes along."""


class ModelFileError(DataError):
    """A model file can't be used; the message quotes file, key and value."""


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    host = value.split("/")[2]
    if not host:
        raise ValueError("names no host")
    if "@" in host:
        raise ValueError(
            "must hold no user name or password; a key belongs into an environment variable that key_env names"
        )
    return value.rstrip("/")


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("must be the name of an environment variable, never the key itself")
    return value


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_Url = Annotated[str, AfterValidator(_url)]
_Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
_Variables = Annotated[tuple[Annotated[str, AfterValidator(_variable)], ...], BeforeValidator(_names)]
_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Table):
    """What tokens cost.

    Attributes:
        input: US dollars for a million tokens of input.
        output: The same for output.
        cached_input: The same for input that the provider had cached; None if unknown.
        as_of: When the price was looked up, ``YYYY-MM`` or ``YYYY-MM-DD``; None if nobody says.
    """

    input: _Dollars
    output: _Dollars
    cached_input: _Dollars | None = None
    as_of: Annotated[str | None, BeforeValidator(lambda value: None if value is None else str(value))] = Field(
        None, pattern=r"^\d{4}-\d{2}(-\d{2})?$"
    )


class Provider(_Table):
    """A table ``[providers.NAME]``; see `medenv.agents.models.ModelEntry` for what the keys mean."""

    title: str | None = None
    api: Api = "chat"
    base_url: _Url
    key_env: _Variables = ()
    key_optional: bool = False
    key_check: str | None = None


class Model(_Table):
    """A table ``[models.NAME]``. What it leaves out its provider says."""

    provider: str | None = None
    model: str | None = None
    aliases: _Names = ()
    report: str | None = None
    context: Annotated[int, Field(gt=0)] | None = None
    price: Price | None = None
    note: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    api: Api | None = None
    base_url: _Url | None = None
    key_env: _Variables | None = None


class Models(_Table):
    """All files together."""

    providers: dict[str, Provider] = Field(default_factory=dict)
    models: dict[str, Model] = Field(default_factory=dict)
    _origin: dict[tuple[Any, ...], Path] = PrivateAttr(default_factory=dict)

    def wrong(self, at: tuple[Any, ...], value: Any, why: str) -> ModelFileError:
        """Make the error about the value at a path of keys."""
        return _wrong(self.source(at), at, value, why)

    def source(self, at: tuple[Any, ...]) -> Path:
        """Return the file that set the value at a path of keys, or else the nearest table around it."""
        return _source(at, self._origin)


def read_files(files: Sequence[Path]) -> Models:
    """Read model files, each laid over the ones before.

    Raises:
        ModelFileError: A file can't be read, is no TOML, or says something that can't be.
    """
    merged: dict[str, Any] = {}
    origin: dict[tuple[Any, ...], Path] = {(): files[-1]}
    for file in files:
        try:
            content = toml.loads(_text(file))
        except (OSError, UnicodeDecodeError, toml.TOMLDecodeError) as error:
            raise ModelFileError(f"model file {str(file)!r} can't be read: {error}") from None
        _lay_over(merged, content, file, origin)
    try:
        models = Models.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _invalid(first, _source(first["loc"], origin)) from None
    models._origin = origin
    return models


def _text(file: Path) -> str:
    if file == SHIPPED:  # may be inside a zip
        return (resources.files("medenv.agents") / "data" / "models.toml").read_text(encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _lay_over(
    below: dict[str, Any],
    above: Mapping[str, Any],
    file: Path,
    origin: dict[tuple[Any, ...], Path],
    at: tuple[Any, ...] = (),
) -> None:
    """Put one file's values over another's, table by table, and remember whose each is."""
    for key, value in above.items():
        path = (*at, key)
        origin[path] = file
        if isinstance(value, dict) and isinstance(below.get(key), dict) and key != "options":
            _lay_over(below[key], value, file, origin, path)
        else:
            below[key] = value
            origin.update(dict.fromkeys(_paths(value, path), file))


def _paths(value: Any, at: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*at, key)
            yield from _paths(inner, (*at, key))


def _source(at: tuple[Any, ...], origin: Mapping[tuple[Any, ...], Path]) -> Path:
    return next(origin[at[:n]] for n in range(len(at), -1, -1) if at[:n] in origin)


def _invalid(error: Any, file: Path) -> ModelFileError:
    """Put an error of pydantic's in our words. A value that may be a key in the wrong place is not quoted."""
    at, value, why = error["loc"], error["input"], error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        table = Models if len(at) == 1 else Price if "price" in at else Provider if at[0] == "providers" else Model
        return _wrong(file, at, None, f"there is no such key; there are: {', '.join(table.model_fields)}")
    hidden = "key_env" in at or (isinstance(value, str) and "@" in value)
    return _wrong(file, at, None if hidden else value, why)


def _wrong(file: Path, at: tuple[Any, ...], value: Any, why: str) -> ModelFileError:
    key = ".".join(f'"{part}"' if "." in str(part) else str(part) for part in at)
    shown = "" if value is None or isinstance(value, dict) else f" is {repr(value)[:100]}"
    return ModelFileError(f"model file {str(file)!r}: {key}{shown}: {why[:1].lower()}{why[1:]}")
