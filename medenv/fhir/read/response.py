"""What the answers to reads have in common: their headers."""

from __future__ import annotations

from medenv.fhir.index.dates import http_date
from medenv.fhir.output import Output
from medenv.fhir.workspace import Workspace

__all__ = ["bundle_headers"]


def bundle_headers(workspace: Workspace, output: Output, id_: str | None = None) -> dict[str, str]:
    """Return the headers of an answer that is a bundle.

    Args:
        workspace: Where it was made.
        output: Its format.
        id_: Its id if it is an operation's; None for a search's.
    """
    found = {"last-modified": http_date(workspace.now()), "content-type": output.content_type}
    return found if id_ is None else {"content-location": f"{workspace.base}/Bundle/{id_}", **found}
