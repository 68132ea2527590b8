"""A stand-in for a checkout of MedAgentBench, with the files that medenv reads of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FUNCTIONS = [{"name": "GET {api_base}/Patient", "description": "find \u00e9"}]
ROWS = [{"id": "task2_1", "instruction": "How old is S1?", "context": "It is 2023.", "eval_MRN": "S1"}]
SOURCE = '''
import nothing_of_this_name  # the file is read, never run
raise SystemExit("run")

OTHER = f"{1}"
MedAgentBench_prompt = """Role. One of {{GET, POST}}.
{functions}
Use {api_base}.
Context: {context}
Question: """ "{question}"
'''


def write_checkout(folder: Path, rows: Sequence[dict[str, Any]] = ROWS) -> Path:
    """Write the files into a folder; gives the folder."""
    source = folder / "src" / "server" / "tasks" / "medagentbench"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(SOURCE, encoding="utf-8")
    data = folder / "data" / "medagentbench"
    data.mkdir(parents=True)
    (data / "test_data_v2.json").write_text(json.dumps(rows))
    (data / "funcs_v1.json").write_text(json.dumps(FUNCTIONS))
    return folder
