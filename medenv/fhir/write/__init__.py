"""Writing to a FHIR session as HAPI 7.6.0 does it: payloads made whole or refused, references checked, versions kept.

`handler` routes a request, `normalise` makes a resource of a payload, `operations` and `bundles` carry it out, `integrity` guards.
"""

from medenv.fhir.write.handler import handle

__all__ = ["handle"]
