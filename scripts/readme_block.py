"""Print a marked code block of a Markdown file, so that CI runs what the README shows.

A block is marked by a comment line before it: ``<!-- ci: NAME -->``.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

BLOCK = re.compile(r"<!-- ci: (?P<name>[\w-]+) -->\n+```(?P<language>\w+)\n(?P<code>.*?)\n```", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description="Print a marked code block of a Markdown file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("name", nargs="?", help="the block's name")
    parser.add_argument("--list", metavar="LANGUAGE", help="print the names of the blocks in this language")
    arguments = parser.parse_args()
    blocks = {match["name"]: match for match in BLOCK.finditer(arguments.file.read_text(encoding="utf-8"))}
    if arguments.list:
        print("\n".join(name for name, match in blocks.items() if match["language"] == arguments.list))
    elif arguments.name in blocks:
        print(blocks[arguments.name]["code"])
    else:
        sys.exit(f"{arguments.file}: no block {arguments.name!r}; there are: {', '.join(blocks)}")


if __name__ == "__main__":
    main()
