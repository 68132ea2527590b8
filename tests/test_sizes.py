"""Files and functions can be read in one go."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

CLONE = Path(__file__).parent.parent
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 60


def test_files():
    assert [name for name, text in texts() if len(text.splitlines()) > LINES_OF_A_FILE] == []


def test_functions():
    found = [
        f"{name}: {node.name}"
        for name, text in texts()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= LINES_OF_A_FUNCTION
    ]
    assert found == []


def texts():
    """Each file's name and text."""
    return [
        (str(file.relative_to(CLONE)), file.read_text("utf-8"))
        for part in ("medenv", "agents", "envs", "scripts")
        for file in sorted((CLONE / part).rglob("*.py"))
    ]
