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

__all__ = ["PIECE", "Parcel", "pack", "unpack"]

PIECE = 64 << 20
"""Bytes of a file that travel at a time."""


@dataclass(frozen=True)
class Parcel:
    """A file on its way.

    Attributes:
        argument: The argument of `Benchmark` that names it, or a folder it lies in; None for the store of the charts.
        path: Where it lies below that folder; the store's file name.
        digest: A hash of its content.
        pieces: Its content in order, as the engine hands it on: each is anything that `unpack` is told how to open.
    """

    argument: str | None
    path: str
    digest: str
    pieces: Sequence[Any]


def pack(setup: Setup, benchmark: Benchmark, put: Callable[[bytes], Any]) -> tuple[Parcel, ...]:
    """Make parcels of what a setup's workers need.

    Args:
        setup: The setup.
        benchmark: The same here, opened.
        put: Makes of a piece what is sent.
    """
    parcels = []
    if isinstance(benchmark.backend, EmbeddedBackend):
        store = benchmark.backend.store.path
        parcels.append(_parcel(None, store, store.name, put))
    for argument in ("charts", "official"):
        if (named := setup.benchmark.get(argument)) is not None:
            root = Path(named).expanduser()
            for file in _files(argument, root):
                where = file.name if root.is_file() else str(file.relative_to(root))
                parcels.append(_parcel(argument, file, where, put))
    return tuple(parcels)


def _files(argument: str, root: Path) -> list[Path]:
    """The files that are read when an argument names `root`."""
    if argument == "charts":
        return [root]
    if root.is_file():
        beside = root.parent / FUNCTIONS_FILE
        return [root, *([beside] if beside.is_file() else [])]
    names = (ROWS_FILE, FUNCTIONS_FILE, CHECKOUT_FOLDER / ROWS_FILE, CHECKOUT_FOLDER / FUNCTIONS_FILE, PROMPT_FILE)
    return [root / name for name in names if (root / name).is_file()]


def _parcel(argument: str | None, file: Path, path: str, put: Callable[[bytes], Any]) -> Parcel:
    digest = blake2b(digest_size=16)
    pieces = []
    with file.open("rb") as content:
        while piece := content.read(PIECE):
            digest.update(piece)
            pieces.append(put(piece))
    return Parcel(argument, path, digest.hexdigest(), tuple(pieces))


def unpack(setup: Setup, parcels: Iterable[Parcel], get: Callable[[Any], bytes]) -> Setup:
    """Lay parcels down on this machine, unless they lie here already.

    Args:
        setup: As it was packed for.
        parcels: What came.
        get: Opens a piece.

    Returns:
        The setup with paths of this machine.

    Raises:
        CacheError: The cache can't be written.
    """
    arguments = dict(setup.benchmark)
    for parcel in parcels:
        if parcel.argument is None:
            adopt(cache_dir() / parcel.path, _opened(parcel, get))
            continue
        named = setup.benchmark[parcel.argument]
        folder = cache_dir().parent / "inputs" / _folder(parcels, parcel.argument)
        adopt(folder / parcel.path, _opened(parcel, get))
        arguments[parcel.argument] = folder / Path(named).name if (folder / Path(named).name).is_file() else folder
    return replace(setup, benchmark=arguments)


def _folder(parcels: Iterable[Parcel], argument: str) -> str:
    """A folder's name that says what is in it."""
    digest = blake2b(digest_size=16)
    for parcel in parcels:
        if parcel.argument == argument:
            digest.update(f"{parcel.path}\0{parcel.digest}\n".encode())
    return digest.hexdigest()


def _opened(parcel: Parcel, get: Callable[[Any], bytes]) -> Callable[[], Iterator[bytes]]:
    return lambda: (get(piece) for piece in parcel.pieces)
