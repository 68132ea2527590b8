"""Proves that the layer check can fail: plants an import that points upwards and expects import-linter to object.

Usage: layer_check_fails.py VENV FOLDER, where VENV has medenv's wheel and import-linter, and FOLDER holds pyproject.toml.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    venv, folder = Path(sys.argv[1]), Path(sys.argv[2])
    package = next(venv.glob("lib/python*/site-packages/medenv/fhir"))
    planted = package / "planted.py"
    planted.write_text('"""An import that points upwards."""\n\nimport medenv.episode\n', encoding="utf-8")
    try:
        check = subprocess.run(
            [venv / "bin" / "lint-imports", "--config", "pyproject.toml", "--no-cache"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        planted.unlink()
    if check.returncode == 0 or "planted" not in check.stdout:
        sys.exit(
            f"the layer check did not object to medenv.fhir importing medenv.episode:\n{check.stdout}{check.stderr}"
        )
    print("an upward import is caught")


if __name__ == "__main__":
    main()
