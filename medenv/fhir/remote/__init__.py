"""Sessions on a FHIR server over HTTP: what an episode writes is tracked, undone when it ends, and checked by reading again.

`RemoteBackend` takes any R4 base URL; the container backend builds on the same sessions.
"""

from medenv.fhir.remote.backend import RemoteBackend
from medenv.fhir.remote.client import Client, ClientOptions
from medenv.fhir.remote.server import Server, UnrestoredError
from medenv.fhir.remote.session import RemoteSession

__all__ = ["Client", "ClientOptions", "RemoteBackend", "RemoteSession", "Server", "UnrestoredError"]
