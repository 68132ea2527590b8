"""Prints pip constraints that hold each direct dependency at the oldest version that pyproject.toml allows.

Usage: lowest_versions.py [EXTRA ...] >constraints.txt
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def main() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in sys.argv[1:]:
        lines += project["optional-dependencies"][extra]
    for line in lines:
        name, _, marker = line.partition(";")
        if bound := re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)", name.strip()):
            print(f"{bound[1]}=={bound[2]}" + (f";{marker}" if marker else ""))
        elif not name.startswith(f"{project['name']}["):
            sys.exit(f"{line!r} is not like NAME>=VERSION")


if __name__ == "__main__":
    main()
