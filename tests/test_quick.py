"""``pytest -m quick`` is short, and still touches each layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from medenv.agents import toml_compat as tomllib

pytestmark = pytest.mark.quick

TESTS = Path(__file__).parent


def layers() -> list[str]:
    """The layers that pyproject.toml says point one way."""
    contracts = tomllib.loads((TESTS.parent / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    return [
        name.strip().removeprefix("medenv.")
        for one in contracts
        if one["type"] == "layers"
        for line in one["layers"]
        for name in line.split("|")
        if one["name"] == "layers point downwards"
    ]


@pytest.mark.parametrize("layer", layers())
def test_each_layer_has_a_quick_test(layer):
    assert any(
        "pytest.mark.quick" in file.read_text("utf-8") for file in TESTS.glob(f"{layer.replace('.', '/')}/**/test_*.py")
    )
