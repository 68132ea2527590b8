"""Changes to an order that was rightly come by: the chart was read and the answer is right, but the order is not what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from medenv.tasks.reference import ReferenceActions
from tests.grading.attacks.base import Known, register
from tests.grading.attacks.texts import when

__all__ = ["Change", "add", "amounts", "dosage", "front", "later", "on_all", "on_each"]

Resource = dict[str, Any]
Change = Callable[[Resource, Known], Any]
"""Alters a payload in place; what it returns counts for nothing."""

TYPES = {"Observation": (3,), "MedicationRequest": (5, 9), "ServiceRequest": (8, 9, 10)}


def front(node: Resource, name: str, value: Any) -> None:
    """Put a member before all others."""
    rest = {key: old for key, old in node.items() if key != name}
    node.clear()
    node.update({name: value, **rest})


def dosage(order: Resource) -> Resource:
    """The order's dosage instruction."""
    return order["dosageInstruction"][0]


def amounts(order: Resource) -> Resource:
    """Its dose and rate."""
    return dosage(order)["doseAndRate"][0]


def add(**members: Any) -> Change:
    """Set members of the payload."""
    return lambda order, known: order.update(members)


def later(known: Known, **delta: float) -> str:
    """A time after the present."""
    return when(known.now + timedelta(**delta))


def on_each(
    kind: str,
    resource: str,
    table: Mapping[str, tuple[str, Change]],
    applies: Callable[[Known], bool] = lambda known: True,
    types: tuple[int, ...] | None = None,
    *,
    refused: bool = False,
) -> None:
    """Register attacks that change one resource of those demanded.

    Args:
        kind: The attacks' kind.
        resource: The type of the resource.
        table: By name what is exploited and the change.
        applies: Where they apply, besides that such a resource is demanded.
        types: The task types; None for all that may demand it.
        refused: Whether the server refuses what was changed.
    """

    def demanded(known: Known) -> bool:
        return any(order["resourceType"] == resource for order in known.orders) and applies(known)

    for name, (exploits, change) in table.items():
        register(kind, name, exploits, _changed(resource, change), types or TYPES[resource], demanded, refused=refused)


def on_all(kind: str, table: Mapping[str, tuple[str, Change]]) -> None:
    """Register attacks that change whatever resource is demanded, of two the first."""
    for name, (exploits, change) in table.items():
        register(kind, name, exploits, _changed("", change), (3, 5, 8, 9, 10), lambda known: bool(known.orders))


def _changed(resource: str, change: Change) -> Callable[[Known], ReferenceActions[None]]:
    def policy(known: Known) -> ReferenceActions[None]:
        yield from known.look()
        orders = known.orders
        change(next(order for order in orders if resource in ("", order["resourceType"])), known)
        yield from known.end(orders=orders)

    return policy
