"""Write the stored test split: generates its tasks, builds its charts, and packs both fingerprints with the tasks.

Run it after a deliberate change of the generator; the result is the same on every machine.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
from pathlib import Path

from medenv.fhir import Store
from medenv.fhir.store import build
from medenv.tasks import heldout

TARGET = Path(__file__).resolve().parents[1] / "medenv" / "tasks" / "data" / heldout.FILE


def main() -> None:
    """Build and write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(heldout.resources, Path(folder) / "test.db")
        store = Store(Path(folder) / "test.db")
        total = sum(store.counts.values())
        if total > heldout.MOST_RESOURCES:
            raise SystemExit(f"the charts have {total} resources, more than {heldout.MOST_RESOURCES}")
        text = heldout.stored_text(store.fingerprint)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{TARGET.name}: {len(heldout.tasks())} tasks, {total} resources ({store.counts}), {store.fingerprint}")


if __name__ == "__main__":
    main()
