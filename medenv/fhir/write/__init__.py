"""Writing to a FHIR session as HAPI 7.6.0 does it: payloads made whole or refused, references checked, versions kept.

`normalise` turns a payload into a resource; the operations build on it.
"""
