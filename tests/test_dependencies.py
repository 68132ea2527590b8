"""What is imported is declared in pyproject.toml, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medenv.agents import toml_compat
from medenv.extras import DISTRIBUTION

pytestmark = pytest.mark.quick

CLONE = Path(__file__).parent.parent
PROJECT = toml_compat.loads((CLONE / "pyproject.toml").read_text("utf-8"))["project"]
OURS = {"medenv", "tests", "scripts", *(file.name for file in (CLONE / "scripts").iterdir() if file.is_dir())}
NAMES = {"google": "google-genai", "google.genai": "google-genai", "PIL": "pillow", "llama_cpp": "llama-cpp-python"}
"""Distributions whose name isn't that of the module, but for - and _."""

UNUSED = {
    "accelerate": "transformers' trainer needs it and doesn't bring it",
    "build": "a command",
    "import-linter": "a command",
    "mypy": "a command",
    "pillow": "Minari's space of pictures needs it and doesn't bring it",
    "pytest-timeout": "a plugin",
    "pytest-xdist": "a plugin",
    "ruff": "a command",
    "tensorboard": "Stable-Baselines3 writes its logs through it where asked",
    "h5py": "Minari's files need it and it doesn't bring it",
    "gguf": "transformers reads such files through it",
    "pyarrow": "Minari's and datasets' files need it",
}
"""Declared, and imported by nobody here, with the reason."""

ELSEWHERE = {"llama_cpp", "vllm", "jax"}
"""Imported in tests or scripts where somebody has it; no extra brings it."""


def name_of(requirement: str) -> str:
    """The distribution's name in a requirement, in lower case with -."""
    return re.split(r"[\s<>=!~;\[(]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def declared(*extras: str) -> set[str]:
    """The distributions of the core, or of extras and those that they name."""
    found: set[str] = set()
    for line in (
        PROJECT["dependencies"] if not extras else [x for e in extras for x in PROJECT["optional-dependencies"][e]]
    ):
        if name_of(line) == DISTRIBUTION:
            found |= declared(*line[line.index("[") + 1 : line.index("]")].split(","))
        else:
            found.add(name_of(line))
    return found


def imports(folder: str) -> Iterator[tuple[str, str | None, str]]:
    """Each import of another distribution: the module, the extra it is said to be of, and the file."""
    for file in sorted((CLONE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            named: list[tuple[str, str | None]] = []
            if isinstance(node, ast.Import):
                named = [(alias.name, None) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                named = [(node.module, None)]
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("import_optional", "check_installed"):
                module, extra = node.args
                if isinstance(module, ast.Constant):
                    named = [(str(module.value), str(extra.value) if isinstance(extra, ast.Constant) else None)]
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "importorskip":
                named = [(str(one.value), None) for one in node.args if isinstance(one, ast.Constant)]
            for module_name, of in named:
                top = module_name.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OURS:
                    yield module_name, of, str(file.relative_to(CLONE))


def distribution_of(module: str) -> str:
    """The distribution that a module is of."""
    return NAMES.get(module.partition(".")[0], module.partition(".")[0].lower().replace("_", "-"))


EXTRAS = tuple(PROJECT["optional-dependencies"])
SOURCES = ("medenv", "agents", "envs")


def test_whatever_is_imported_is_declared():
    for_users = tuple(extra for extra in EXTRAS if not extra.startswith("test") and extra != "dev")
    missing = [
        (module, file)
        for folders, known in (
            (SOURCES, declared() | declared(*for_users)),
            (("tests", "scripts"), declared() | declared(*EXTRAS)),
        )
        for folder in folders
        for module, _, file in imports(folder)
        if distribution_of(module) not in known and module.partition(".")[0] not in ELSEWHERE
    ]
    assert missing == []


def test_what_an_extra_is_said_to_bring_it_brings():
    told = [one for folder in (*SOURCES, "scripts") for one in imports(folder) if one[1] is not None]
    assert told
    assert [one for one in told if distribution_of(one[0]) not in declared(one[1]) | declared()] == []


def test_the_core_is_imported_by_the_package():
    used = {distribution_of(module) for folder in SOURCES for module, *_ in imports(folder)}
    assert declared() - used - set(UNUSED) == set()


def test_whatever_is_declared_is_imported_or_has_a_reason():
    used = {distribution_of(module) for folder in (*SOURCES, "tests", "scripts") for module, *_ in imports(folder)}
    assert {name for extra in EXTRAS for name in declared(extra)} - used - set(UNUSED) == set()
