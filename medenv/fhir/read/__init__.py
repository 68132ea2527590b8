"""Requests that only read, as HAPI 7.6.0 answers them: resources, versions, histories, searches, and operations.

`handler` dispatches; `refusals` says what isn't there.
"""

from medenv.fhir.read.handler import handle

__all__ = ["handle"]
