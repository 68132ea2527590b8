"""Stores that are built once a user and then shared: where they lie, who builds, and how a damaged one is noticed.

Beside each store lies a card with its size, time of change and hash, so that opening costs no reading while nothing touched the file.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import platformdirs

from medenv.errors import FileError
from medenv.fhir.drafts import replacement
from medenv.fhir.store import Store, build
from medenv.fhir.store.build import FORMAT, Source

__all__ = ["CacheError", "adopt", "cache_dir", "cached_store", "path_of", "trusted"]

VARIABLE = "MEDENV_CACHE_DIR"
_LOG = logging.getLogger(__name__)
_SPARE = 1.2  # room asked for before a build, as a multiple of what the store will take


class CacheError(FileError):
    """A store can't be kept in the cache folder."""


def cache_dir() -> Path:
    """Return the folder of built stores: ``$MEDENV_CACHE_DIR``, or medenv's folder among the user's caches, and in it ``stores``.

    Where the user's caches can't be written, a temporary folder stands in, with a warning in the log.
    """
    own = os.environ.get(VARIABLE)
    if own:
        return Path(own).expanduser() / "stores"
    folder = _users()
    return (folder if _writable(folder) else _stand_in(folder)) / "stores"


def _users() -> Path:
    return Path(platformdirs.user_cache_dir("medenv"))


def _writable(folder: Path) -> bool:
    """Return whether a folder is there to be written, or can be made."""
    there = next((one for one in (folder, *folder.parents) if os.path.lexists(one)), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@functools.cache
def _stand_in(folder: Path) -> Path:
    """Return a folder of this user's own below the system's temporary one, the same for each process where that is safe."""
    made = Path(tempfile.gettempdir()) / f"medenv-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    try:
        made.mkdir(mode=0o700, exist_ok=True)
        found = made.lstat()
        # Anybody may have made a folder, or a link, of that name.
        if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(made))
    except OSError:
        made = Path(tempfile.mkdtemp(prefix="medenv-"))
    _LOG.warning(
        "%s can't be written, so charts are kept in %s; name another folder in the environment variable %s",
        folder,
        made,
        VARIABLE,
    )
    return made


def path_of(name: str, folder: Path | None = None) -> Path:
    """Return where the store of a name lies, whether or not it is built.

    Args:
        name: A file name without ending; it says all that the content depends on but the store's own format.
        folder: The cache folder; `cache_dir` if None.
    """
    file = f"{name}.{FORMAT}.db"
    if folder is None and not os.environ.get(VARIABLE) and os.path.exists(built := _users() / "stores" / file):
        return built  # even where the user's caches can't be written, e.g. in an image that brings them
    return (folder or cache_dir()) / file


def cached_store(
    name: str,
    resources: Callable[[], Iterable[Source]],
    folder: Path | None = None,
    *,
    needs: int = 0,
    named: str = "resource",
) -> Store:
    """Open a store, building it first if it isn't there or is damaged.

    Of several processes that need it at once one builds and the others wait. The file appears when it is whole.

    Args:
        name: As for `path_of`.
        resources: Makes the content, in load order.
        folder: The cache folder; `cache_dir` if None.
        needs: About how many bytes it will take, so that a full disk is told before the work.
        named: What errors call a resource.

    Raises:
        CacheError: The folder can't be written, or the disk is full.
        ValueError: A resource isn't one.
    """
    target = path_of(name, folder)
    store = trusted(target)
    if store is not None:
        return store
    from filelock import FileLock

    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            store = trusted(target)
            if store is None:
                _rebuild(target, resources, needs, named)
                store = Store(target)
    return store


def adopt(target: Path, content: Callable[[], Iterable[bytes]]) -> None:
    """Take a file that was made elsewhere into the cache, unless it is there and what was taken.

    Of several processes that bring it at once one writes and the others wait.

    Args:
        target: Where it shall lie.
        content: Gives its bytes in order; called only if they are needed.

    Raises:
        CacheError: The folder can't be written, or the disk is full.
    """
    from filelock import FileLock

    if _unchanged(target):
        return
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            if _unchanged(target):
                return
            with replacement(target) as draft, draft.open("wb") as file:
                file.writelines(content())
            _write_card(target, _hash(target))


def _unchanged(target: Path) -> bool:
    """Return whether a file of the cache is as its card says."""
    try:
        card, found = json.loads(_card(target).read_bytes()), target.stat()
        return found.st_size == card["size"] and (found.st_mtime_ns == card["changed"] or _hash(target) == card["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def trusted(target: Path) -> Store | None:
    """Return a built store if it is there and is what was built; None if it must be built (anew)."""
    try:
        card = json.loads(_card(target).read_bytes())
        found = target.stat()
        if found.st_size != card["size"]:
            return None
        if found.st_mtime_ns != card["changed"]:
            if _hash(target) != card["hash"]:
                return None
            with contextlib.suppress(OSError):
                _write_card(target, card["hash"])
        store = Store(target)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return store


def _rebuild(target: Path, resources: Callable[[], Iterable[Source]], needs: int, named: str) -> None:
    """Build under the lock: whatever half-made files lie here were left by a process that was killed."""
    for name in (target.name, _card(target).name):
        for left in target.parent.glob(f"{name}*.tmp*"):
            left.unlink(missing_ok=True)
    free = shutil.disk_usage(target.parent).free
    if needs * _SPARE > free:
        wanted = f"about {needs / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free"
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}; {wanted}")
    _card(target).unlink(missing_ok=True)
    build(resources, target, named)
    _write_card(target, _hash(target))


def _card(target: Path) -> Path:
    return target.with_suffix(".json") if target.suffix == ".db" else target.with_name(target.name + ".card")


def _write_card(target: Path, digest: str) -> None:
    found = target.stat()
    card: dict[str, Any] = {"size": found.st_size, "changed": found.st_mtime_ns, "hash": digest}
    with replacement(_card(target)) as draft:
        draft.write_text(json.dumps(card))


def _hash(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _explained(target: Path) -> Any:
    """Turn what goes wrong with a file or a disk into words that say what to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, FileError):
            raise
        raise CacheError(
            f"the charts can't be kept in {target.parent}: {error}; free some space there, "
            f"or name another folder in the environment variable {VARIABLE}"
        ) from error
