"""The tree of exceptions: everything that medenv raises by a name of its own hangs below `MedenvError`."""

import ast
from pathlib import Path

import pytest

import medenv
from medenv.agents.policy import FatalProviderError, ProviderError
from medenv.errors import DataError, FileError, InfrastructureError, InputError, MedenvError, file_errors
from medenv.fhir import BackendError
from medenv.fhir.cache import CacheError
from medenv.tasks.unknown import UnknownNameError
from medenv.trajectories import TrajectoryError

ROOT = Path(medenv.__file__).parent
SOURCES = [*ROOT.rglob("*.py"), *(ROOT.parent / "agents").rglob("*.py"), *(ROOT.parent / "envs").rglob("*.py")]


def classes():
    """Each class that is named as an error, with the names of its bases."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and (node.name.endswith("Error") or node.name == "InvalidValue"):
                yield node.name, [one.id for one in node.bases if isinstance(one, ast.Name)]


def test_every_exception_hangs_below_the_one_base():
    bases = dict(classes())
    assert len(bases) > 40

    def below(name):
        return name == "MedenvError" or any(below(one) for one in bases.get(name, ()))

    assert [name for name in bases if not below(name)] == []


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (UnknownNameError, (InputError, LookupError)),
        (TrajectoryError, (DataError, ValueError)),
        (ProviderError, (MedenvError, RuntimeError)),
        (FatalProviderError, (ProviderError,)),
        (BackendError, (InfrastructureError,)),
        (CacheError, (FileError, OSError)),
    ],
)
def test_what_users_catch_is_still_caught(error, bases):
    assert issubclass(error, bases[0])
    assert all(issubclass(error, one) for one in bases)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileError, match="nothing"), file_errors("nothing"):
        (tmp_path / "nothing").read_text()


def test_an_error_of_medenvs_own_and_a_broken_pipe_pass():
    for one in (InputError("no"), BrokenPipeError()):
        with pytest.raises(type(one)), file_errors("a file"):
            raise one
