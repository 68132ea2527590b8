"""The one configuration of a benchmark: what `gymnasium.make`, `Benchmark`, the command line, manifests and rows of prompts are made of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from medenv.episode.episode import MAX_TURNS, PROTOCOLS, check_wording
from medenv.errors import InputError
from medenv.fhir.backends import BACKENDS
from medenv.grading import GRADERS
from medenv.protocol.instructions import Wording
from medenv.protocol.observations import OBSERVATION_STYLES, ObservationStyle
from medenv.protocol.tolerance import check_tolerances
from medenv.tasks import SPLITS
from medenv.tasks.unknown import unknown

__all__ = ["PLACES", "RENAMED", "BenchmarkConfig", "renamed"]

PLACES = ("official", "charts", "prompt", "system")
"""Fields that name files of one machine."""

RENAMED = {"seed": "task_seed", "server": "backend_options"}
"""Keywords of `Benchmark` and of environments by their former names."""


def _path(value: Any) -> Any:
    return value if value is None else Path(value) if isinstance(value, str | Path) else value


def _types(value: Any) -> Any:
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else () if value is None else value


Place = Annotated[Path | None, BeforeValidator(_path)]


class BenchmarkConfig(BaseModel):
    """Which tasks, put how, on which server, judged how.

    Attributes:
        split: One of `medenv.tasks.SPLITS`.
        task_type: The task types, 1 to 10; a single number is taken too, and none stands for all.
        branch: Only tasks of this branch (``low``, ``absent``, ...).
        difficulty: Only ``easy`` or ``hard`` tasks.
        paraphrase: The wording of the instruction, from 0; None for each task's own.
        now: The present, like ``2024-05-06T07:08:00+00:00``, for train and validation; None for each task's own.
        task_seed: For generated splits: which sequence of tasks.
        size: For train and validation: the cohort's size, ``default`` or ``full``.
        cohort_seed: For train and validation: the cohort's seed.
        official: For the official split: the folder of ``test_data_v2.json``, or a MedAgentBench checkout.
        charts: An NDJSON file with the charts; None for those that the split brings.
        grader: The grader's name; None takes the split's own.
        observation: ``full``, or ``compact`` for JSON without white space and meta.
        max_turns: Agent turns an episode has.
        protocol: ``text``; ``tools`` for native function calls; ``official`` with `official` a MedAgentBench checkout.
        prompt: A file with another first message (see `medenv.protocol.instructions.FIELDS`).
        system: A file with a system message.
        tolerances: What may be wrong with the form of a text reply, by name (see `medenv.protocol.tolerance`).
        backend: ``embedded``, or ``container`` or ``remote`` for another FHIR server.
        image: For a container: its image.
        pool: For containers: how many, each for one episode at a time.
        reset: For a container: ``undo`` what an episode wrote, or ``recreate``.
        url: For a remote server: its base URL.
        backend_options: Further options of the container or the remote server (see `medenv.fhir.backends`).

    Raises:
        InputError: A value is none of those above; the message quotes it and says what is possible.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    split: str = "test"
    task_type: Annotated[tuple[int, ...], BeforeValidator(_types)] = ()
    branch: str | None = None
    difficulty: str | None = None
    paraphrase: int | None = None
    now: str | None = None
    task_seed: int = 0
    size: str = "default"
    cohort_seed: int = 0
    official: Place = None
    charts: Place = None
    grader: str | None = None
    observation: ObservationStyle = "full"
    max_turns: int = MAX_TURNS
    protocol: str = "text"
    prompt: Place = None
    system: Place = None
    tolerances: tuple[str, ...] = ()
    backend: str = "embedded"
    image: str | None = None
    pool: int = 1
    reset: str = "undo"
    url: str | None = None
    backend_options: Mapping[str, Any] = Field(default_factory=dict)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _first(error, values) from None

    @field_validator("split")
    @classmethod
    def _known_split(cls, value: str) -> str:
        if value not in SPLITS:
            raise unknown("split", value, list(SPLITS), f"there are: {', '.join(SPLITS)}")
        return value

    @field_validator("task_type")
    @classmethod
    def _known_types(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if wrong := [one for one in value if one not in range(1, 11)]:
            raise InputError(f"task_type is {wrong[0]!r}; it must be 1 to 10, or None for all")
        return tuple(dict.fromkeys(value))

    @field_validator("grader", "observation", "protocol", "backend", "reset", mode="before")
    @classmethod
    def _known_name(cls, value: Any, info: Any) -> Any:
        title, names = _NAMES[info.field_name]
        if value is not None and value not in names:
            raise InputError(f"unknown {title} {value!r}; there are: {', '.join(names)}")
        return value

    @field_validator("max_turns", "pool")
    @classmethod
    def _one_at_least(cls, value: int, info: Any) -> int:
        if value < 1:
            needs = "an episode needs at least 1" if info.field_name == "max_turns" else "it needs at least 1"
            raise InputError(f"{info.field_name} is {value}; {needs}")
        return value

    @field_validator("tolerances")
    @classmethod
    def _known_tolerances(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_tolerances(value)

    @model_validator(mode="after")
    def _consistent(self) -> BenchmarkConfig:
        if self.protocol == "official" and self.official is None:
            raise InputError(
                "the protocol 'official' needs your checkout of MedAgentBench: give its folder (--official PATH)"
            )
        if self.protocol == "official" and self.grader == "strict":
            raise InputError(
                "the protocol 'official' executes no POST, so that the grader 'strict' has no chart to judge; take the grader 'official'"
            )
        check_wording(self.protocol, self.tolerances, own_prompt=self.prompt is not None)
        if self.backend == "embedded" and (self.image, self.url) != (None, None):
            raise InputError("an image is for the backend 'container', and a URL for the backend 'remote'")
        return self

    @property
    def grader_name(self) -> str:
        """The grader that scores are given in: the official one for its own rows and protocol, else ``strict``."""
        return self.grader or ("official" if "official" in (self.split, self.protocol) else "strict")

    def wording(self) -> Wording | None:
        """Read the user's own prompt and system message; None if there are none.

        Raises:
            InputError: A file can't be read, or the prompt doesn't name the instruction.
        """
        return None if (self.prompt, self.system) == (None, None) else Wording.read(self.prompt, self.system)

    def server_options(self) -> dict[str, Any]:
        """Return the options of a server outside the process, as `medenv.fhir.backends.open_server` takes them."""
        own: dict[str, Any] = {"url": self.url}
        if self.backend == "container":
            own = {"image": self.image, "size": self.pool, "reset": self.reset}
        return {**{name: value for name, value in own.items() if value is not None}, **self.backend_options}

    def arguments(self) -> dict[str, Any]:
        """Return what `Benchmark` is to be made with, as JSON values.

        What is as by default is left out, but for split, protocol and turn limit, and so is the choice of single tasks.
        """
        named = {"split": self.split, "protocol": self.protocol, "max_turns": self.max_turns}
        return named | self.model_dump(mode="json", exclude_defaults=True, exclude=_CHOICE)

    def replaced(self, **values: Any) -> BenchmarkConfig:
        """Return the same with other values, which are validated."""
        return BenchmarkConfig(**{**dict(self), **values})


_CHOICE = {"task_type", "branch", "difficulty", "paraphrase", "now"}
"""Fields that choose among a split's tasks, or present them."""

_NAMES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "grader": ("grader", tuple(GRADERS)),
    "observation": ("observation style", tuple(OBSERVATION_STYLES)),
    "protocol": ("protocol", PROTOCOLS),
    "backend": ("backend", BACKENDS),
    "reset": ("reset", ("undo", "recreate")),
}


def renamed(values: Mapping[str, Any], names: Mapping[str, str] = RENAMED) -> dict[str, Any]:
    """Return keyword arguments under their present names, with a warning for each former one.

    Args:
        values: As given.
        names: Present names by former ones.
    """
    found = dict(values)
    for old in [one for one in names if one in found]:
        warnings.warn(f"{old!r} is now called {names[old]!r}", DeprecationWarning, stacklevel=3)
        found.setdefault(names[old], found.pop(old))
    return {name: value for name, value in found.items() if not (name == "backend_options" and value is None)}


def _first(error: ValidationError, values: Mapping[str, Any]) -> Exception:
    """Return the first fault as an exception of medenv's own."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return cause
    name = str(first["loc"][0]) if first["loc"] else "config"
    if first["type"] == "extra_forbidden":
        known = ", ".join(BenchmarkConfig.model_fields)
        return InputError(f"there is no setting {name!r}; there are: {known}")
    return InputError(f"{name} is {values.get(name)!r}: {first['msg'][:1].lower()}{first['msg'][1:]}")
