"""What HAPI 7.6.0 says when a write succeeded: its OperationOutcomes with their response codes."""

from __future__ import annotations

from typing import Any

from medenv.fhir.errors import FhirError

__all__ = ["no_such_type", "succeeded", "too_many"]

_SYSTEM = "https://hapifhir.io/fhir/CodeSystem/hapi-fhir-storage-response-code"
_NOTHING = "No existing resource was found so no action was taken."
_SAME = "No changes were detected so no action was taken."
_DISPLAYS = {
    "SUCCESSFUL_CREATE": "Create succeeded.",
    "SUCCESSFUL_CREATE_NO_CONDITIONAL_MATCH": (
        "Conditional create succeeded: no existing resource matched the conditional URL."
    ),
    "SUCCESSFUL_CREATE_WITH_CONDITIONAL_MATCH": (
        "Conditional create succeeded: an existing resource matched the conditional URL so no action was taken."
    ),
    "SUCCESSFUL_UPDATE": "Update succeeded.",
    "SUCCESSFUL_UPDATE_AS_CREATE": "Update as create succeeded.",
    "SUCCESSFUL_UPDATE_NO_CHANGE": f"Update succeeded: {_SAME}",
    "SUCCESSFUL_UPDATE_NO_CONDITIONAL_MATCH": (
        "Conditional update succeeded: no existing resource matched the conditional URL so a new resource was created."
    ),
    "SUCCESSFUL_UPDATE_WITH_CONDITIONAL_MATCH": (
        "Conditional update succeeded: an existing resource matched the conditional URL and was updated."
    ),
    "SUCCESSFUL_UPDATE_WITH_CONDITIONAL_MATCH_NO_CHANGE": (
        "Conditional update succeeded: an existing resource matched the conditional URL and was updated, "
        "but no changes were detected so no action was taken."
    ),
    "SUCCESSFUL_PATCH": "Patch succeeded.",
    "SUCCESSFUL_PATCH_NO_CHANGE": f"Patch succeeded: {_SAME}",
    "SUCCESSFUL_CONDITIONAL_PATCH": "Conditional patch succeeded.",
    "SUCCESSFUL_CONDITIONAL_PATCH_NO_CHANGE": f"Conditional patch succeeded: {_SAME}",
    "SUCCESSFUL_DELETE": "Delete succeeded.",
    "SUCCESSFUL_DELETE_NOT_FOUND": f"Delete succeeded: {_NOTHING}",
    "SUCCESSFUL_DELETE_ALREADY_DELETED": "Delete succeeded: Resource was already deleted so no action was taken.",
}


def succeeded(code: str, text: str, *, took: bool = False, warning: bool = False) -> dict[str, Any]:
    """Return the OperationOutcome of a write.

    Args:
        code: HAPI's storage response code.
        text: Its diagnostics.
        took: Whether HAPI says how long it took. We say 0 ms, so that an episode's text depends on nothing but its requests.
        warning: Severity ``warning`` and issue type ``not-found``, of a conditional delete that found nothing.
    """
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "warning" if warning else "information",
                "code": "not-found" if warning else "informational",
                "details": {"coding": [{"system": _SYSTEM, "code": code, "display": _DISPLAYS[code]}]},
                "diagnostics": f"{text} Took 0ms." if took else text,
            }
        ],
    }


def too_many(number: str, verb: str, type_: str, url: str, found: int) -> FhirError:
    """Return HAPI's refusal of a conditional write whose URL finds several resources."""
    text = f'Failed to {verb} {type_} with match URL "{url}" because this search matched {found} resources'
    return FhirError(412, f"HAPI-{number}: {text}")


def no_such_type(type_: str, known: list[str]) -> FhirError:
    """Return HAPI's refusal of a resource type that R4 doesn't have."""
    listed = ", ".join(known)
    return FhirError(404, f"HAPI-0302: Unknown resource type '{type_}' - Server knows how to handle: [{listed}]")
