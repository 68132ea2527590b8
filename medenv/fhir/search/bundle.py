"""Writing a searchset: pages, links and totals as HAPI 7.6.0 gives them, from prepared text.

Which links and totals there are depends on how many rows HAPI reads ahead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import quote

from medenv.fhir.chart import Chart
from medenv.fhir.index.dates import format_instant
from medenv.fhir.index.rows import Rows
from medenv.fhir.output import BundleHead, Entry, Output
from medenv.fhir.request import Params
from medenv.fhir.search.execute import execute
from medenv.fhir.search.hits import Hits
from medenv.fhir.search.includes import included
from medenv.fhir.search.later import keep
from medenv.fhir.search.order import rows_read
from medenv.fhir.search.query import Include, Search
from medenv.fhir.template import Record, decode

__all__ = ["PAGE", "Page", "bundle_id", "escape", "first_page", "head", "later_page", "searchset", "self_link"]

PAGE = 20
"""Entries on a page without ``_count``, as on the official server."""

_SEVERAL = ("string", "token")
"""Types of sort keys of which a resource may well have several values."""

_PREFETCH = 13
"""HAPI's first prefetch threshold: so many rows it reads at once, and it knows the total if there are fewer."""


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.*")
_ESCAPES = {byte: f"%{byte:02X}" for byte in range(128) if byte not in _PLAIN}


def escape(text: str) -> str:
    """Escape a text for a link: letters, digits and ``-_.*`` stay."""
    if text.isascii():
        return text if text.isalnum() else text.translate(_ESCAPES)
    return quote(text, safe="-_.*").replace("~", "%7E")


def bundle_id(*parts: str) -> str:
    """Return an id like a uuid, the same for the same parts."""
    text = "\n".join(parts)
    h = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


class Page(NamedTuple):
    """What the later pages of an answer need.

    Attributes:
        hits: The whole answer.
        includes: What each page includes.
        links: The parameters of page links that stay: (before ``_bundletype``, after it).
        kind: The bundle's type, ``""`` if a request for a page left it out.
    """

    hits: Hits
    includes: tuple[Include, ...]
    kind: str = "searchset"


def head(id_: str, when: int, kind: str, total: int | None, links: Sequence[tuple[str, str]]) -> BundleHead:
    """Return a bundle without its entries."""
    return BundleHead(id_, format_instant(when), kind, total, links)


_NAME = itemgetter(0)


def self_link(base: str, path: str, params: Sequence[tuple[str, str]]) -> str:
    """Return the link to a search itself: its parameters sorted by name, escaped."""
    if not params:
        return f"{base}/{path}"
    return f"{base}/{path}?" + "&".join(
        [f"{escape(name)}={escape(value)}" for name, value in sorted(params, key=_NAME)]
    )


def page_link(base: str, id_: str, offset: int, count: int, output: Output, written: str | None, page: Page) -> str:
    """Return a link to a page of an answer that the server holds."""
    parts = [f"{base}?_getpages={id_}&_getpagesoffset={offset}&_count={count}"]
    if written is not None:
        parts.append(f"_format={escape(written)}")
    if output.pretty:
        parts.append("_pretty=true")
    parts += [
        f"_include={escape(i.written[1])}" for i in page.includes if not i.reverse
    ]  # as HAPI, which forgets these
    if page.kind:
        parts.append(f"_bundletype={page.kind}")
    if output.elements is not None:
        parts.append(f"_elements={','.join(map(escape, output.elements))}")
    return "&".join(parts)


def searchset(
    chart: Chart,
    search: Search,
    output: Output,
    path: str,
    when: int,
    id_: str,
    shown_params: Params,
    hits: Hits | None = None,
) -> tuple[str, Page | None]:
    """Answer a search.

    Args:
        chart: Where to look.
        search: The search, read.
        output: The form of the answer.
        path: The request's path, as sent.
        when: The server's time in milliseconds.
        id_: The bundle's id.
        shown_params: The parameters that the link to itself shows.
        hits: What was found, if that is known already.

    Returns:
        The bundle's text, and what later pages need if there are any.
    """
    query = search.query
    if query.summary or query.elements is not None:
        output = replace(output, summary=query.summary, elements=query.elements)
    hits = execute(chart, search) if hits is None else hits
    params = query.params
    if query.count_only or query.count == 0:
        return _number_only(chart, search, output, path, when, id_, shown_params, hits)
    if query.offset is not None:
        return _by_offset(chart, search, output, path, when, id_), None
    count = PAGE if query.count is None else query.count
    least = max(_PREFETCH, count)
    reach = hits.reach(least + 1)
    total = reach if reach < least else None
    if query.sort and any(key.parameter.type in _SEVERAL for key in query.sort):
        reached, whole = rows_read(hits.all(), query.sort, least + 1)
        if not whole and reached >= count:
            reach, total = min(reach, reached), None
        elif not whole:  # too few for the page: HAPI reads on, and knows the total only if the page never fills
            total = reach if reach < count else None
    if query.accurate:
        total = hits.count()
    links = [("self", self_link(chart.base, path, shown_params))]
    page = None
    if reach > count and (count >= 0 or total is not None):
        page = Page(keep(hits, chart, search), tuple(query.includes))
        links.append(("next", page_link(chart.base, id_, count, count, output, params.get("_format") or None, page)))
    entries = _entries(chart, hits, 0, min(reach, max(count, 0)), query.includes, output)
    return output.write_bundle(head(id_, when, "searchset", total, links), entries), page


def _number_only(
    chart: Chart,
    search: Search,
    output: Output,
    path: str,
    when: int,
    id_: str,
    shown_params: Params,
    hits: Hits,
) -> tuple[str, Page | None]:
    """Return a searchset without entries; asked with ``_elements``, it has the links that a page of 20 would have."""
    query = search.query
    total = hits.count()
    bare = query.elements is None and (query.summary == "count" or not (query.count_only or output.nested))
    own = self_link(chart.base, path, shown_params)
    links = [] if bare else [("self", own)]
    page = None
    if not bare and query.count == 0 and query.offset is not None:
        # a page of nothing leads to itself, onwards and back
        links += [("next", own)] * (query.offset < total) + [("previous", own)] * (query.offset > 0)
    elif not bare and query.count == 0 and total > PAGE:
        page = Page(keep(hits, chart, search), tuple(query.includes))
        links.append(
            ("next", page_link(chart.base, id_, PAGE, PAGE, output, query.params.get("_format") or None, page))
        )
    output = replace(output, summary="count" if bare else query.summary, elements=None)
    return output.write_bundle(head(id_, when, "searchset", total, links), []), page


def _by_offset(chart: Chart, search: Search, output: Output, path: str, when: int, id_: str) -> str:
    query = search.query
    count = PAGE if query.count is None else query.count
    offset = query.offset or 0
    hits = execute(chart, search)
    reach = hits.reach(offset + count + 1)
    total = offset + max(0, reach - offset) if reach - offset < count else None
    if query.accurate:
        total = hits.count()

    def at(place: int) -> str:
        rest = query.params.without("_count", "_offset")
        return self_link(chart.base, path, [*rest, ("_count", str(count)), ("_offset", str(place))])

    links = [("self", self_link(chart.base, path, query.params))]
    if reach > offset + count:
        links.append(("next", at(offset + count)))
    if offset > 0:
        links.append(("previous", at(max(0, offset - count))))
    entries = _entries(chart, hits, offset, min(reach, offset + count), query.includes, output)
    return output.write_bundle(head(id_, when, "searchset", total, links), entries)


def _entries(
    chart: Chart, hits: Hits, start: int, stop: int, includes: Sequence[Include], output: Output
) -> Sequence[Entry | str]:
    """Return the entries of a page: of the hits from one place to another, and of what they include."""
    runs = hits.places(start, stop)
    if len(runs) == 1 and not includes:
        return _entries_of(chart, *runs[0], output)
    entries = [entry for rows, places in runs for entry in _entries_of(chart, rows, places, output)]
    if includes:
        pids = [rows.pids[at] for rows, places in runs for at in places]
        records = chart.records(pids)
        entries += _included_entries(chart, [records[pid] for pid in pids], includes)
    return entries


def _entries_of(chart: Chart, rows: Rows, places: Sequence[int], output: Output) -> Sequence[Entry | str]:
    if not (output.whole and rows.stored):
        return _new_entries(chart, rows, places)
    held, pids = chart.store.cache.entries(chart.base), rows.pids
    try:
        return [held[pids[at]] for at in places]
    except KeyError:
        new = [at for at in places if pids[at] not in held]
    written = {pids[at]: output.write_entry(e) for at, e in zip(new, _new_entries(chart, rows, new), strict=True)}
    chart.store.cache.put_entries(chart.base, written)
    return [held.get(pid) or written[pid] for pid in [pids[at] for at in places]]


def _new_entries(chart: Chart, rows: Rows, places: Sequence[int]) -> list[Entry]:
    entries = []
    for at, text in zip(places, rows.texts_at(places), strict=True):
        template, values = rows.templates[at], text.split("\n")
        entries.append(Entry(f"{chart.base}/{template.type}/{decode(values[template.id_slot])}", template, values))
    return entries


def _included_entries(chart: Chart, matches: list[Record], includes: Sequence[Include]) -> list[Entry]:
    more = included(chart, matches, includes)
    return [Entry(f"{chart.base}/{r.type}/{r.id}", r.template, r.values, "include") for r in more]


def first_page(
    chart: Chart, page: Page, count: int, asked: tuple[str, str | None], output: Output, when: int, id_: str
) -> tuple[str, bool]:
    """Answer an operation that gives a whole list of resources.

    Args:
        chart: Where the resources are.
        page: The whole list.
        count: How many a page has.
        asked: The link to itself, and its ``_format`` as written or None.
        output: The form of the answer.
        when: The server's time in milliseconds.
        id_: The bundle's id.

    Returns:
        The first page's text, and whether there are more.
    """
    n = page.hits.count()
    own, written = asked
    links = [("self", own)]
    if n > count:
        links.append(("next", page_link(chart.base, id_, count, count, output, written, page)))
    total = n if n < max(_PREFETCH, count) else None
    entries = _page_entries(chart, page.hits.pids(0, count))
    return output.write_bundle(head(id_, when, page.kind, total, links), entries), n > count


def _page_entries(chart: Chart, pids: list[int]) -> list[Entry]:
    found = chart.records(pids)
    records = [found[pid] for pid in pids if pid in found]
    return [Entry(f"{chart.base}/{r.type}/{r.id}", r.template, r.values) for r in records]


def later_page(chart: Chart, id_: str, page: Page, params: Params, output: Output, raw: str, when: int) -> str:
    """Answer a request for a page of an earlier search.

    Args:
        chart: Where the resources are.
        id_: The bundle's id.
        page: The earlier answer.
        params: The request's parameters, decoded.
        output: The form of the answer.
        raw: The request's query string as sent, for the self link.
        when: The server's time in milliseconds.
    """
    page = page._replace(kind=params.get("_bundletype"))
    names = params.get("_elements")
    output = replace(output, elements=tuple(sorted(names.split(","))) if names else None)
    offset = max(0, _integer(params.get("_getpagesoffset"), 0))
    count = _integer(params.get("_count"), PAGE)
    wanted = page.hits.pids(offset, offset + count + 1)
    more, wanted = len(wanted) > count, wanted[:count]
    found = chart.records(wanted)
    records = [found[pid] for pid in wanted if pid in found]
    links = [("self", f"{chart.base}?{raw}")]
    written = params.get("_format") or None
    if more:
        links.append(("next", page_link(chart.base, id_, offset + count, count, output, written, page)))
    before = offset if wanted else min(offset, page.hits.count())
    if offset > 0:
        links.append(("previous", page_link(chart.base, id_, max(0, before - count), count, output, written, page)))
    # HAPI knows the total once its background search has ended: mostly from the third page or the last one on
    known = page.hits.whole and (offset >= 2 * count or (not more and len(wanted) < count))
    entries = [Entry(f"{chart.base}/{r.type}/{r.id}", r.template, r.values) for r in records]
    entries += _included_entries(chart, records, list(page.includes))
    return output.write_bundle(head(id_, when, page.kind, page.hits.count() if known else None, links), entries)


def _integer(text: str, default: int) -> int:
    try:
        return int(text) if text else default
    except ValueError:
        return default
