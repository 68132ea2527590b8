"""The searches of a session whose later pages it can still be asked for."""

from __future__ import annotations

from collections import OrderedDict

from medenv.fhir.search.bundle import Page

__all__ = ["Pages"]

_KEPT = 64
"""Searches whose later pages can be asked for; the oldest is forgotten, as HAPI forgets after a while."""


class Pages:
    """The answers that were given in part, by their bundles' ids."""

    def __init__(self, pages: OrderedDict[str, Page] | None = None) -> None:
        self._pages = OrderedDict(pages or {})

    def copy(self) -> Pages:
        """Return a copy of its own."""
        return Pages(self._pages)

    def get(self, id_: str) -> Page | None:
        """Return what the later pages of an answer need; None if it isn't kept."""
        return self._pages.get(id_)

    def keep(self, id_: str, page: Page) -> None:
        """Keep an answer for its later pages."""
        self._pages[id_] = page
        if len(self._pages) > _KEPT:
            self._pages.popitem(last=False)
