"""Print pip constraints that hold each direct dependency at the oldest version that pyproject.toml allows."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example: lowest_versions.py test sb3 >constraints.txt && pip install -c constraints.txt '.[test,sb3]'",
    )
    parser.add_argument("extras", nargs="*", metavar="EXTRA", help="an extra whose dependencies count, too")
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in parser.parse_args().extras:
        if extra not in project["optional-dependencies"]:
            parser.error(
                f"there is no extra {extra!r}; there are: {', '.join(sorted(project['optional-dependencies']))}"
            )
        lines += project["optional-dependencies"][extra]
    for line in lines:
        name, _, marker = line.partition(";")
        if bound := re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)", name.strip()):
            print(f"{bound[1]}=={bound[2]}" + (f";{marker}" if marker else ""))
        elif not name.startswith(f"{project['name']}["):
            sys.exit(f"{line!r} is not like NAME>=VERSION")


if __name__ == "__main__":
    main()
