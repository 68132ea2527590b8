"""Play a new user's first hour on an installed medenv: tests/stumbles, on a wheel in a clean environment.

Builds a wheel from a copy of what git tracks, installs it and pytest with the Python given into a fresh environment, and runs a copy of the
tests there, from a folder that holds nothing else. Exits as pytest does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent


def main() -> None:
    """Build, install, run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", nargs="?", default=sys.executable, help="the interpreter (default: this one)")
    parser.add_argument("pytest", nargs="*", help="options for pytest, after --")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        clone, tests, venv = folder / "clone", folder / "tests", folder / "venv"
        subprocess.run(["git", "clone", "-q", "--depth", "1", SOURCE.as_uri(), clone], check=True)
        subprocess.run([options.python, "-m", "venv", venv], check=True)
        python = venv / "bin" / "python"
        pip = [python, "-m", "pip", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "-w", folder / "dist", clone], check=True)
        subprocess.run([*pip, "install", *(folder / "dist").glob("*.whl"), "pytest", "pytest-xdist"], check=True)
        shutil.copytree(clone / "tests" / "stumbles", tests)
        shutil.rmtree(clone)
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV", "MEDENV"))
        }
        env["MEDENV_STUMBLES_PREFIX"] = str(venv)
        words = ["-q", "-ra", "-n", "2", "-p", "no:cacheprovider", *options.pytest, str(tests)]
        done = subprocess.run([python, "-m", "pytest", *words], cwd=folder, env=env, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
