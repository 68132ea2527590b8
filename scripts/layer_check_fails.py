"""Prove that the layer check can fail: plant an import that points upwards, and one that closes a circle, and expect objections."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

UPWARDS = {"fhir/planted.py": "import medenv.episode\n"}
"""By path below the package, what is written there."""

CIRCLE = {"fhir/planted.py": "import medenv.fhir.other\n", "fhir/other.py": "import medenv.fhir.planted\n"}


def check(venv: Path, folder: Path, files: dict[str, str], contract: str) -> None:
    """Run import-linter with some files more in the package.

    Raises:
        SystemExit: It does not report this contract as broken.
    """
    package = next(venv.glob("lib/python*/site-packages/medenv"))
    try:
        for name, text in files.items():
            (package / name).write_text(f'"""Planted."""\n\n{text}', encoding="utf-8")
        done = subprocess.run(
            [venv / "bin" / "lint-imports", "--config", "pyproject.toml", "--no-cache"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for name in files:
            (package / name).unlink(missing_ok=True)
    broken = any(line.startswith(f"{contract} BROKEN") for line in done.stdout.splitlines())
    if done.returncode == 0 or not broken or "planted" not in done.stdout:
        sys.exit(f"import-linter did not object to {files}:\n{done.stdout}{done.stderr}")
    print(f"caught: {contract}")


def main() -> None:
    """Plant both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", type=Path, help="an environment with medenv's wheel and import-linter")
    parser.add_argument("folder", type=Path, help="a folder that holds pyproject.toml")
    given = parser.parse_args()
    venv, folder = given.venv, given.folder
    check(venv, folder, UPWARDS, "layers point downwards")
    check(venv, folder, CIRCLE, "no package holds a circle")


if __name__ == "__main__":
    main()
