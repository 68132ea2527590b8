"""JSON Patch (RFC 6902) on a resource, with the words of the library that HAPI uses for what can't be applied."""

from __future__ import annotations

import copy
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from medenv.errors import InputError
from medenv.fhir import jsontext
from medenv.fhir.jsontext import Number
from medenv.fhir.write.reader import ReadError, read_value

__all__ = ["PatchError", "apply_patch", "read_patch"]

_NO_PATH = "no such path in target JSON document"
_NO_PARENT = "parent of node to add does not exist"
_NO_CONTAINER = "parent of path to add to is not a container"
_NO_INDEX = "no such index in target array"
_DIFFERENT = "value differs from expectations"
_PACKAGE = "com.github.fge.jsonpatch"
_NOWHERE = "\n at [Source: UNKNOWN; byte offset: #UNKNOWN]"
_OPERATIONS = ("add", "copy", "move", "remove", "replace", "test")


class PatchError(InputError):
    """The patch can't be read or applied; the message is HAPI's, after ``HAPI-1272:``."""


def read_patch(text: str) -> list[dict[str, Any]]:
    """Parse a patch document.

    Raises:
        PatchError: It is no list of operations.
    """
    try:
        operations = read_value(text)
    except ReadError as error:
        raise PatchError(_with_source(str(error))) from error
    if not isinstance(operations, list):
        raise PatchError(
            f"Cannot deserialize value of type `java.util.ArrayList<{_PACKAGE}.operation.JsonPatchOperation>` "
            f"from Object value (token `JsonToken.END_OBJECT`){_NOWHERE}"
        )
    for at, operation in enumerate(operations):
        _check(operation, f"{_NOWHERE} (through reference chain: java.util.ArrayList[{at}]")
    return operations


def _check(operation: Any, where: str) -> None:
    name = operation.get("op") if isinstance(operation, dict) else None
    if name is None:
        raise PatchError(
            f"Could not resolve subtype of [simple type, class {_PACKAGE}.operation.JsonPatchOperation]: missing type id "
            f"property 'op' (for POJO property '#temporary-name'){where})"
        )
    if name not in _OPERATIONS:
        raise PatchError(
            f"Could not resolve type id '{name}' as a subtype of `{_PACKAGE}.operation.JsonPatchOperation`: "
            f"known type ids = [{', '.join(_OPERATIONS)}] (for POJO property '#temporary-name'){where})"
        )
    kind = f"{_PACKAGE}.operation.{name.capitalize()}Operation"
    for member in ("path", "from"):
        pointer = operation.get(member, "")
        problem = ""
        if not isinstance(pointer, str) or (pointer and pointer[0] != "/"):
            problem = "illegal pointer: expected a slash to separate tokens"
        elif re.search(r"~(?![01])", pointer):
            problem = "bad escape seqeunce: '~' not followed by a valid token"
        if problem:
            pointer_kind = "com.github.fge.jackson.jsonpointer.JsonPointer"
            text = f"Cannot construct instance of `{pointer_kind}`, problem: {problem}"
            raise PatchError(f'{text}{where}->{kind}["{member}"])')
    if name in ("add", "replace", "test") and "value" not in operation:
        problem = 'Cannot invoke "com.fasterxml.jackson.databind.JsonNode.deepCopy()" because "value" is null'
        raise PatchError(f"Cannot construct instance of `{kind}`, problem: {problem}{where})")


def _with_source(text: str) -> str:
    """Jackson's words as HAPI leaves them here: with the note that the source isn't shown."""
    note = "Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line:"
    return text.replace("[line:", f"[{note}")


def apply_patch(document: dict[str, Any], operations: list[dict[str, Any]]) -> Any:
    """Apply a patch to a copy of a document.

    Args:
        document: A JSON object.
        operations: What `read_patch` gives.

    Raises:
        PatchError: An operation can't be applied.
    """
    root: list[Any] = [copy.deepcopy(document)]  # one more level, so that the whole document can be replaced
    for operation in operations:
        _apply(root, operation)
    return root[0]


def _apply(root: list[Any], operation: dict[str, Any]) -> None:
    name = operation["op"]
    path = _pointer(operation.get("path", ""))
    if name in ("move", "copy"):
        source = _pointer(str(operation.get("from", "")))
        value = copy.deepcopy(_get(root, source))
        if name == "move":
            if source == path:
                return
            _remove(root, source)
        _add(root, path, value)
    elif name == "add":
        _add(root, path, copy.deepcopy(operation.get("value")))
    elif name == "remove":
        _get(root, path)
        _remove(root, path)
    elif name == "replace":
        _get(root, path)
        parent, key = _parent(root, path)
        parent[key] = copy.deepcopy(operation.get("value"))
    elif not _equal(_get(root, path), operation.get("value")):
        raise PatchError(_DIFFERENT)


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _index(key: str, size: int) -> int | None:
    return int(key) if key.isdecimal() and len(key) < 10 and int(key) < size else None


def _step(node: Any, key: str) -> Any:
    if isinstance(node, dict) and key in node:
        return node[key]
    if isinstance(node, list):
        at = _index(key, len(node))
        if at is not None:
            return node[at]
    raise PatchError(_NO_PATH)


def _get(root: list[Any], path: list[str]) -> Any:
    node = root[0]
    for key in path:
        node = _step(node, key)
    return node


def _parent(root: list[Any], path: list[str]) -> tuple[Any, Any]:
    if not path:
        return root, 0
    parent = _get(root, path[:-1])
    return parent, _index(path[-1], len(parent)) if isinstance(parent, list) else path[-1]


def _remove(root: list[Any], path: list[str]) -> None:
    parent, key = _parent(root, path)
    if parent is root:
        root[0] = None
    else:
        del parent[key]


def _add(root: list[Any], path: list[str], value: Any) -> None:
    if not path:
        root[0] = value
        return
    try:
        parent = _get(root, path[:-1])
    except PatchError as error:
        raise PatchError(_NO_PARENT) from error
    key = path[-1]
    if isinstance(parent, dict):
        parent[key] = value
    elif not isinstance(parent, list):
        raise PatchError(_NO_CONTAINER)
    elif key == "-":
        parent.append(value)
    else:
        if not key.isdecimal():
            raise PatchError("reference token is not an array index")
        at = _index(key, len(parent) + 1)
        if at is None:
            raise PatchError(_NO_INDEX)
        parent.insert(at, value)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Number) and isinstance(b, Number):
        try:
            return Decimal(a) == Decimal(b)
        except InvalidOperation:
            return str(a) == str(b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(v, b[k]) for k, v in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    return isinstance(a, Number) == isinstance(b, Number) and jsontext.compact(a) == jsontext.compact(b)
