"""Requests sampled from what a server holds, put to it and to another that should answer the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from medenv.fhir import BackendError, EmbeddedBackend
from medenv.fhir.remote import Client, ClientOptions
from tests.fhir import recordings
from tests.fhir.live.random_searches import Searches
from tests.fhir.live.test_random_requests import first_difference, same_in_another_order, whole

_SEVERAL_PATIENTS = re.compile(r"[?&](patient|subject)[^=&]*=[^&]*,")
_BY_INDEX = ("name", "family", "given", "address", "phone", "telecom")
"""Parameters of Patient by whose index the database may walk, whatever else narrows the search."""


def compare(base: str, file: Path, cache: Path, requests: int, seed: int = 1) -> tuple[Counter[str], list[str]]:
    """Put sampled reads and searches to a server and to the embedded one with a captured file.

    An answer is ``equal`` to the byte (a bundle's own id and time aside), in another ``order`` where the server's database chooses
    it and the whole result sets, page after page, are the same, or ``different``.

    Args:
        base: The server's base URL.
        file: What was captured of it.
        cache: Where the embedded server's store is kept.
        requests: How many to put.
        seed: Equal seeds draw equal requests.

    Returns:
        How many there are of each, and what is different.
    """
    lines = file.read_text().splitlines()
    drawn = draw(lines, requests, seed)
    client, verdicts, different = Client(base, options=ClientOptions(retries=0)), Counter[str](), []
    with EmbeddedBackend.from_ndjson(file, cache, base) as backend, backend.open() as session:
        for url in drawn:
            try:
                theirs = client.send("GET", url)
            except BackendError as error:
                if "in time" not in str(error):
                    raise
                theirs = None
            if theirs is None or "HAPI-1163" in theirs.body:  # a query plan of H2's that takes more than a minute
                verdicts["timed out"] += 1
                continue
            ours = session.get(url)
            want, got = (recordings.answer(one.status, dict(one.headers), one.body) for one in (theirs, ours))
            verdict = "equal" if want == got else "different"
            if verdict == "different" and (_free(url) or same_in_another_order(url, want, got)):
                asked: list[Callable[[str], Any]] = [
                    lambda u: client.send("GET", u).body,
                    lambda u: session.get(u).body,
                ]
                if whole(asked[0], url) == whole(asked[1], url):
                    verdict = "order"
            verdicts[verdict] += 1
            if verdict == "different":
                different.append(first_difference(url, want, got))
    client.close()
    return verdicts, different


def draw(lines: list[str], requests: int, seed: int) -> list[str]:
    """A fifth reads, the rest searches, each once; none for several patients, on some of which H2 takes a minute."""
    searches, found = Searches(seed, lines), []
    for number, line in enumerate(lines[:: max(1, len(lines) // max(1, requests // 5))]):
        one = json.loads(line)
        found.append(f"{one['resourceType']}/{one['id']}" + ("/_history/1" if number % 7 == 0 else ""))
    kept = dict.fromkeys(found[: requests // 5])
    while len(kept) < requests:
        url = searches.draw()
        if not _SEVERAL_PATIENTS.search(unquote(url)):
            kept[url] = None
    return list(kept)


def _free(url: str) -> bool:
    names = [
        pair.partition("=")[0].partition(":")[0].partition("-")[0] for pair in unquote(url).partition("?")[2].split("&")
    ]
    return url.startswith("Patient?") and "_sort" not in names and any(name in _BY_INDEX for name in names)
