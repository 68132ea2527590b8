"""What workers on other machines need besides the package: the store of the charts, and files that a split is read from.

Each lands once on a node, in medenv's cache there; workers of one node share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from medenv.episode import Benchmark
from medenv.fhir import EmbeddedBackend
from medenv.fhir.cache import adopt, cache_dir
from medenv.protocol.official import PROMPT_FILE
from medenv.rollouts.engines.worker import Setup
from medenv.tasks.official import CHECKOUT_FOLDER, FUNCTIONS_FILE, ROWS_FILE

__all__ = ["PIECE", "StagedFile", "stage", "unstage"]

PIECE = 64 << 20
"""Bytes of a file that travel at a time."""


@dataclass(frozen=True)
class StagedFile:
    """A file on its way.

    Attributes:
        argument: The setting that names it, or a folder it lies in; None for the store of the charts.
        path: Where it lies below that folder; the store's file name.
        digest: A hash of its content.
        pieces: Its content in order, as the engine hands it on: each is anything that `unstage` is told how to open.
    """

    argument: str | None
    path: str
    digest: str
    pieces: Sequence[Any]


def stage(setup: Setup, benchmark: Benchmark, put: Callable[[bytes], Any]) -> tuple[StagedFile, ...]:
    """Prepare the files that a setup's workers need.

    Args:
        setup: The setup.
        benchmark: The same here, opened.
        put: Makes of a piece what is sent.
    """
    staged = []
    if isinstance(benchmark.backend, EmbeddedBackend):
        store = benchmark.backend.store.path
        staged.append(_stage_file(None, store, store.name, put))
    for argument in ("charts", "official"):
        if (named := getattr(setup.config, argument)) is not None:
            root = named.expanduser()
            for file in _files(argument, root):
                where = file.name if root.is_file() else str(file.relative_to(root))
                staged.append(_stage_file(argument, file, where, put))
    return tuple(staged)


def _files(argument: str, root: Path) -> list[Path]:
    """List the files that are read when the benchmark's argument names `root`, a folder or a file."""
    if argument == "charts":
        return [root]
    if root.is_file():
        beside = root.parent / FUNCTIONS_FILE
        return [root, *([beside] if beside.is_file() else [])]
    names = (ROWS_FILE, FUNCTIONS_FILE, CHECKOUT_FOLDER / ROWS_FILE, CHECKOUT_FOLDER / FUNCTIONS_FILE, PROMPT_FILE)
    return [root / name for name in names if (root / name).is_file()]


def _stage_file(argument: str | None, file: Path, path: str, put: Callable[[bytes], Any]) -> StagedFile:
    digest = blake2b(digest_size=16)
    pieces = []
    with file.open("rb") as content:
        while piece := content.read(PIECE):
            digest.update(piece)
            pieces.append(put(piece))
    return StagedFile(argument, path, digest.hexdigest(), tuple(pieces))


def unstage(setup: Setup, staged: Iterable[StagedFile], get: Callable[[Any], bytes]) -> Setup:
    """Write staged files into this machine's cache, unless they are there already.

    Args:
        setup: As the files were staged for.
        staged: The files.
        get: Opens a piece.

    Returns:
        The setup with paths of this machine.

    Raises:
        CacheError: The cache can't be written.
    """
    places: dict[str, Path] = {}
    for one in staged:
        if one.argument is None:
            adopt(cache_dir() / one.path, _opened(one, get))
            continue
        named = getattr(setup.config, one.argument)
        folder = cache_dir().parent / "inputs" / _folder(staged, one.argument)
        adopt(folder / one.path, _opened(one, get))
        places[one.argument] = folder / named.name if (folder / named.name).is_file() else folder
    return replace(setup, config=setup.config.replaced(**places))


def _folder(staged: Iterable[StagedFile], argument: str) -> str:
    """Name the folder of an argument's staged files by a hash of their paths and contents, in hexadecimal."""
    digest = blake2b(digest_size=16)
    for one in staged:
        if one.argument == argument:
            digest.update(f"{one.path}\0{one.digest}\n".encode())
    return digest.hexdigest()


def _opened(one: StagedFile, get: Callable[[Any], bytes]) -> Callable[[], Iterator[bytes]]:
    return lambda: (get(piece) for piece in one.pieces)
