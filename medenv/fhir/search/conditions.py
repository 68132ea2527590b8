"""Conditions: what one search parameter demands of a resource, decided on rows of index values.

A condition takes rows and the positions that are still candidates, and gives those that meet it, in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from medenv.fhir.definitions import SearchParameter
from medenv.fhir.index.extract import normalize
from medenv.fhir.index.rows import Rows, StringColumn, TokenColumn
from medenv.fhir.store.build import PATIENT_PARAMETERS

__all__ = [
    "Condition",
    "IdCondition",
    "MissingCondition",
    "NeverCondition",
    "Positions",
    "ReferenceCondition",
    "StringCondition",
    "TextCondition",
    "TokenCondition",
    "UriCondition",
    "every",
    "normalize",
    "string_test",
]

Positions = Sequence[int]

_MANY_PATIENTS = 64
"""From so many patients on, a walk along the whole type is no dearer than one along each patient's part."""


def _among(found: Positions, candidates: Positions | None) -> Positions:
    if candidates is None:
        return found
    if len(candidates) > 8:
        chosen = set(found)
        return [i for i in candidates if i in chosen]
    return [i for i in candidates if i in found]


def _union(lists: Sequence[Positions]) -> Positions:
    if not lists:
        return []
    return lists[0] if len(lists) == 1 else sorted(set().union(*lists))


def every(rows: Rows, candidates: Positions | None) -> Positions:
    """Return the candidates, or the positions of all rows."""
    return range(len(rows)) if candidates is None else candidates


class Condition:
    """One demand.

    Attributes:
        parameter: The search parameter.
        rank: When to try it: lower ones narrow faster.
    """

    rank = 5

    def __init__(self, parameter: SearchParameter) -> None:
        self.parameter = parameter

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions that meet the condition.

        Args:
            rows: The resources.
            candidates: Positions to choose from, ascending; None for all.
        """
        raise NotImplementedError


class NeverCondition(Condition):
    """Met by nothing."""

    rank = 0

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return nothing."""
        return []


class MissingCondition(Condition):
    """``:missing``: whether there is no value."""

    rank = 4

    def __init__(self, parameter: SearchParameter, missing: bool) -> None:
        super().__init__(parameter)
        self.missing = missing

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions without a value, or those with one."""
        without = set(rows.column(self.parameter).missing(len(rows)))
        return [i for i in every(rows, candidates) if (i in without) == self.missing]


class TokenCondition(Condition):
    """Codes, with or without their system; ``:not`` turns it round.

    Attributes:
        coded: Whether a code is named, and not a system alone.
    """

    def __init__(self, parameter: SearchParameter, tokens: list[tuple[str | None, str]], negated: bool = False) -> None:
        super().__init__(parameter)
        self.tokens, self.negated = tokens, negated
        self.rank = 4 if negated else 0
        self.coded = any(code for _, code in tokens)

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions with one of the codes, or without any."""
        column: TokenColumn = rows.column(self.parameter)
        lists = []
        for system, code in self.tokens:
            if system is None:
                found = column.by_code.get(code)
            elif code:
                found = column.by_pair.get((system, code))
            else:
                found = column.by_system.get(system)
            if found:
                lists.append(found)
        union = _union(lists)
        if self.negated:
            excluded = set(union)
            return [i for i in every(rows, candidates) if i not in excluded]
        return _among(union, candidates)


class ReferenceCondition(Condition):
    """References to one of some resources.

    Attributes:
        targets: Their references, ``Patient/S1``.
        patients: The ids of the Patients that are all there is to look through; None if it is more than theirs.
    """

    rank = 1

    def __init__(self, parameter: SearchParameter, targets: Iterable[str]) -> None:
        super().__init__(parameter)
        self.targets = list(dict.fromkeys(targets))
        patients = [t[8:] for t in self.targets if t.startswith("Patient/")]
        few = len(patients) == len(self.targets) <= _MANY_PATIENTS and parameter.code in PATIENT_PARAMETERS
        self.patients = patients if few else None

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions that refer to a target."""
        column: TokenColumn = rows.column(self.parameter)
        return _among(_union([f for t in self.targets if (f := column.by_code.get(t))]), candidates)


class IdCondition(Condition):
    """Certain resources, by internal number."""

    rank = 0

    def __init__(self, parameter: SearchParameter, pids: list[int]) -> None:
        super().__init__(parameter)
        self.pids = frozenset(pids)

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions of these resources."""
        return [i for i in every(rows, candidates) if rows.pids[i] in self.pids]


class UriCondition(Condition):
    """URIs: the whole text, or with ``below`` its start, or with ``above`` what it starts with."""

    rank = 1

    def __init__(self, parameter: SearchParameter, uris: list[str], how: str = "") -> None:
        super().__init__(parameter)
        self.uris, self.how = uris, how

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions with one of the URIs."""
        column: TokenColumn = rows.column(self.parameter)
        found = [at for text, at in column.by_code.items() if any(self._fits(text, uri) for uri in self.uris)]
        return _among(_union(found), candidates)

    def _fits(self, text: str, uri: str) -> bool:
        if self.how == "below":
            return text.startswith(uri)
        return uri.startswith(text) if self.how == "above" else text == uri


class StringCondition(Condition):
    """Strings: the start of the normalised text, the whole text as written (``exact``), or a part (``contains``)."""

    rank = 2
    kind = ""

    def __init__(self, parameter: SearchParameter, texts: list[str], how: str = "") -> None:
        super().__init__(parameter)
        self.how = how
        tests = [string_test(text, how) for text in texts]
        self._fits = tests[0] if len(tests) == 1 else lambda pair: any(test(pair) for test in tests)

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions with a fitting string."""
        column: StringColumn = rows.column(self.parameter, self.kind)
        fits = self._fits
        found = [at for pair, at in column.by_text.items() if fits(pair)]
        return _among(_union(found), candidates)


def string_test(text: str, how: str) -> Callable[[tuple[str, str]], bool]:
    """Return a test of a (normalised, written) pair."""
    if how == "exact":
        return lambda pair: bool(text) and pair[1] == text
    wanted = normalize(text)
    if "_" in wanted:  # HAPI leaves this wildcard of SQL's LIKE unescaped
        pattern = re.compile("".join("." if c == "_" else re.escape(c) for c in wanted), re.DOTALL)
        if how == "contains":
            return lambda pair: pattern.search(pair[0]) is not None
        return lambda pair: pattern.match(pair[0]) is not None
    if how == "contains":
        return lambda pair: wanted in pair[0]
    return lambda pair: pair[0].startswith(wanted)


class TextCondition(StringCondition):
    """``:text`` of a token: the start of a text or display."""

    kind = "text"
