"""Backends by name and options: what environments, the runner and the command line open.

Equal arguments describe equal backends, so that benchmarks of one process can share one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from medenv.errors import InputError
from medenv.fhir.backend import Backend

__all__ = ["BACKENDS", "open_server"]

BACKENDS = ("embedded", "container", "remote")

_SPEC = ("image", "command", "environment", "data", "data_path", "tmpfs", "base_path", "inner_port", "port", "deadline")
_CONTAINER = (*_SPEC, "size", "reset", "reuse", "progress")
_REMOTE = ("url", "base", "timeout", "connect_timeout", "retries", "ca", "verify", "credentials")


def open_server(
    name: str, options: Mapping[str, Any], resources: Callable[[], Iterable[Mapping[str, Any] | str]] | None = None
) -> Backend:
    """Open a backend on a server outside the process.

    Args:
        name: ``container`` or ``remote``.
        options: The arguments of `Spec` and `ContainerBackend`, or of `RemoteBackend` and `ClientOptions`.
        resources: What a container that doesn't hold it is filled with, and what a remote server must hold.

    Raises:
        ValueError: An unknown name or option, or a remote server without its URL.
    """
    known = {"container": _CONTAINER, "remote": _REMOTE}.get(name)
    if known is None:
        raise InputError(f"unknown backend {name!r}; there are: {', '.join(BACKENDS)}")
    if unknown := sorted(set(options) - set(known)):
        raise InputError(f"the backend {name!r} has no option {unknown[0]!r}; it has: {', '.join(known)}")
    given = {key: value for key, value in options.items() if value is not None}
    if name == "container":
        from medenv.fhir.container import ContainerBackend, Spec

        spec = Spec(**{key: given.pop(key) for key in _SPEC if key in given})
        return ContainerBackend(spec, resources=resources, **given)
    from medenv.fhir.remote import ClientOptions, RemoteBackend

    if "url" not in given:
        raise InputError("the backend 'remote' needs the server's base URL (url=..., or --server on the command line)")
    return RemoteBackend(given.pop("url"), given.pop("base", None), ClientOptions(**given), resources)
