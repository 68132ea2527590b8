"""FHIR for episodes: the seam to any server (`Backend`, `Session`), and the embedded server behind it.

`EmbeddedBackend` and `Store` load at first use, so that importing the package stays cheap.
"""

from typing import TYPE_CHECKING, Any

from medenv.fhir.backend import Backend, BackendError, Change, Response, Session

if TYPE_CHECKING:
    from medenv.fhir.embedded import EmbeddedBackend
    from medenv.fhir.store import Store

__all__ = ["Backend", "BackendError", "Change", "EmbeddedBackend", "Response", "Session", "Store"]


def __getattr__(name: str) -> Any:
    if name == "EmbeddedBackend":
        from medenv.fhir.embedded import EmbeddedBackend

        return EmbeddedBackend
    if name == "Store":
        from medenv.fhir.store import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
