"""From a payload to the resource that HAPI 7.6.0 would store: elements in definition order, its leniency, its refusals.

Pure functions over `medenv.fhir.definitions`. The rules are those of HAPI's ``ParserState`` (what each JSON value becomes)
and ``JsonParser`` (what is written again), see `normalise`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from medenv.fhir.errors import FhirError
from medenv.fhir.write import primitives
from medenv.fhir.write.elements import ParseError, read_resource
from medenv.fhir.write.reader import ReadError, read_object

__all__ = ["ParseError", "normalise", "parse"]

_REMEMBERED = 10_000
"""Longest payload that is remembered: agents, and the episodes of one task, post the same orders over and over."""


def parse(text: str, kind: str | None) -> dict[str, Any]:
    """Turn a request body into the resource that HAPI would store.

    Args:
        text: The body, JSON.
        kind: The resource type that the URL asks for; None where any will do.

    Returns:
        The resource in definition order, ``id`` and ``meta`` as submitted, numbers as `medenv.fhir.jsontext.Number`.

    Raises:
        FhirError: 400 with HAPI's text.
    """
    return _copy(_remembered(text, kind) if len(text) <= _REMEMBERED else _parse(text, kind))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    return [_copy(v) for v in value] if isinstance(value, list) else value


def _parse(text: str, kind: str | None) -> dict[str, Any]:
    try:
        try:
            payload = read_object(text)
        except ReadError as error:
            raise ParseError(f"HAPI-1861: Failed to parse JSON encoded FHIR content: {error}") from error
        return normalise(payload, kind)
    except ParseError as error:
        raise FhirError(400, f"HAPI-0450: Failed to parse request body as JSON resource. Error was: {error}") from error


_remembered = lru_cache(maxsize=1024)(_parse)


def normalise(payload: dict[str, Any], kind: str | None, strict: bool = False) -> dict[str, Any]:
    """Turn a parsed payload into the resource that HAPI would store.

    Unknown elements vanish, as do blank and null values, objects in a primitive's place and scalars in an object's; one value becomes
    a list of one where a list is due; of a list or of several alternatives of a choice the first counts where one value is due.

    Args:
        payload: A JSON object.
        kind: The resource type expected, or None.
        strict: Whether most of that is an error, as HAPI has it for what a patch leaves behind.

    Raises:
        ParseError: HAPI's parser refuses it.
    """
    found = payload.get("resourceType")
    if not isinstance(found, str) or isinstance(found, primitives.Number) or not found.strip():
        raise ParseError("HAPI-1838: Invalid JSON content detected, missing required element: 'resourceType'")
    if kind is not None and found != kind:
        raise ParseError(f'HAPI-1814: Incorrect resource type found, expected "{kind}" but found "{found}"')
    return read_resource(payload, found, strict)
