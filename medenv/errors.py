"""Exceptions that medenv raises on purpose: one base class, and a short tree below it.

    MedenvError
        InputError            what the caller gave is wrong: an option, an argument, a name, an action
        DataError             a file's content is wrong: stored rows, charts, task files, of another version or damaged
        ProviderError         a model's provider, or the model itself, failed
        InfrastructureError   a server, a worker or this machine failed
            FileError         a file can't be read or written

The command line shows these as one line. Anything else that escapes is a bug of medenv's and shown with its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "DataError",
    "FileError",
    "InfrastructureError",
    "InputError",
    "MedenvError",
    "ProviderError",
    "file_errors",
]


class MedenvError(Exception):
    """Base of every exception that medenv raises on purpose; the message says what is wrong and what to do."""


class InputError(MedenvError, ValueError):
    """What the caller gave can't be used."""


class DataError(MedenvError, ValueError):
    """What a file holds can't be used."""


class ProviderError(MedenvError, RuntimeError):
    """A model's provider failed."""


class InfrastructureError(MedenvError):
    """A server, a worker process or this machine failed."""


class FileError(InfrastructureError, OSError):
    """A file or folder can't be read or written: it is missing, not permitted, or the disk is full."""


@contextmanager
def file_errors(path: str | Path, doing: str = "read") -> Iterator[None]:
    """Turn what the operating system says of a user's file into a `FileError` that names it.

    Args:
        path: The file or folder, as the user named it.
        doing: What is done with it in the body: ``read`` or ``written``, say.

    Raises:
        FileError: The body raised an `OSError` other than a broken pipe.
    """
    try:
        yield
    except (MedenvError, BrokenPipeError):
        raise
    except OSError as error:
        raise FileError(f"{str(path)!r} can't be {doing}: {error.strerror or error}") from error
