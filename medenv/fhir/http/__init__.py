"""The embedded server over HTTP: an ASGI app that any FHIR client can use, and the loopback server that runs it.

`app.FhirApp` answers requests, `server.listen` serves it.
"""
