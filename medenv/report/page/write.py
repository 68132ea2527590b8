"""Writes the page: its parts from this package, and the runs as compressed blocks that the page unpacks when it needs them."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from medenv import __version__
from medenv.errors import file_errors
from medenv.grading import Grader
from medenv.report.page.rows import VERDICTS, Texts, index_line, search_words, transcript
from medenv.rollouts.fingerprint import SETTINGS
from medenv.rollouts.regrading import judged_rows
from medenv.rollouts.store import Manifest, RunFolderError
from medenv.rollouts.store.files import replacing
from medenv.tasks import TYPES
from medenv.trajectories import file_of

__all__ = ["GENERATOR", "write_page"]

GENERATOR = '<meta name="generator" content="medenv">'
"""By which a file is known for a page of medenv's."""

_SCRIPTS = ("data.js", "text.js", "tree.js", "chart.js", "reader.js", "list.js", "tasks.js", "app.js")
_BLOCK = 1 << 20
"""Bytes of transcripts that are unpacked together: some fifty episodes, in a hundredth of a second."""

_POLICY = ("default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "base-uri 'none'", "form-action 'none'")
"""The page's content security policy but for its script: nothing is loaded from anywhere."""

Tell = Callable[[int], object]


def write_page(
    runs: Sequence[str | Path],
    path: str | Path,
    *,
    title: str = "medenv runs",
    report_html: str | None = None,
    grader: Grader | None = None,
    tell: Tell = lambda done: None,
) -> int:
    """Write runs as one HTML file that needs neither a server nor a network.

    Args:
        runs: Folders of runs, or their files of trajectories.
        path: The file, which is replaced if it is there.
        title: The page's, as text.
        report_html: A trusted piece of HTML (no scripts run in it) that the page shows as its report, and first of all.
        grader: Judges all episodes anew; the stored verdicts are shown if left out.
        tell: Called with how many episodes were read, now and then.

    Returns:
        How many episodes it holds.

    Raises:
        RunFolderError: A run can't be read.
        UngradableError: The grader can't judge an episode.
        RunWriteError: The disk is full or fails; the file is as it was.
    """
    files = [file_of(run) for run in runs]
    for run, file in zip(runs, files, strict=True):
        if not file.is_file():
            raise RunFolderError(f"no run can be read from {str(run)!r}: there is no such file; give the folder of one")
    path = Path(path)
    with file_errors(path.parent, "made"):
        path.parent.mkdir(parents=True, exist_ok=True)
    index: list[dict[str, Any]] = []
    words: list[str] = []
    texts = Texts()
    # The index comes first in the file, so that the list is there before the transcripts behind it are read, and is known last.
    with replacing(path) as out, tempfile.TemporaryFile() as transcripts:
        for number, block in enumerate(_blocks(files, grader, index, words, texts, tell)):
            transcripts.write(_data(f"block-{number}", block))
        transcripts.seek(0)
        out.write(_head(title, report_html).encode())
        out.write(_data("index", _index(files, grader, index, texts)))
        out.write(_script().encode() + b"\n")
        out.write(_data("words", words))
        shutil.copyfileobj(transcripts, out)
        out.write(b"</body>\n</html>\n")
    tell(len(index))
    return len(index)


def _index(
    files: Sequence[Path], grader: Grader | None, index: Sequence[dict[str, Any]], texts: Texts
) -> dict[str, Any]:
    return {
        "medenv": __version__,
        "runs": [_about(name, file, grader) for name, file in zip(_names(files), files, strict=True)],
        "types": {str(number): one.name for number, one in TYPES.items()},
        "verdicts": VERDICTS,
        "shared": texts.shared,
        "columns": {name: [row[name] for row in index] for name in index[0]} if index else {},
        "count": len(index),
    }


def _blocks(
    files: Sequence[Path],
    grader: Grader | None,
    index: list[dict[str, Any]],
    words: list[str],
    texts: Texts,
    tell: Tell,
) -> Iterator[list[Any]]:
    """Yield the transcripts as JSON in blocks; fill `index` and `words` with a row for each as it goes."""
    block: list[bytes] = []
    size = number = 0
    for run, file in enumerate(files):
        for judged in judged_rows(file, grader):
            one = judged.trajectory
            row = orjson.dumps(transcript(one, texts))
            index.append({**index_line(one, run, judged.number), "block": number, "place": len(block)})
            words.append(search_words(one))
            block.append(row)
            size += len(row)
            if len(index) % 50 == 0:
                tell(len(index))
            if size >= _BLOCK:
                yield [orjson.Fragment(one) for one in block]
                block, size, number = [], 0, number + 1
    if block:
        yield [orjson.Fragment(one) for one in block]


def _names(files: Sequence[Path]) -> list[str]:
    """Name the runs by their folders, with a number where two are called alike."""
    names: list[str] = []
    for file in files:
        name = file.resolve().parent.name or "run"
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    return names


def _about(name: str, file: Path, grader: Grader | None) -> dict[str, Any]:
    manifest = Manifest.read(file.parent)
    settings = manifest.settings if manifest is not None else {}
    said = {one: settings[one] for one in SETTINGS if one in settings and one != "agent"}
    if grader is not None:
        said |= {"grader": grader.name, "grader_version": grader.version}
    return {"name": name, "settings": said}


def _data(name: str, value: Any) -> bytes:
    """Encode a value as a script element that no text in it can break out of: JSON, deflated, in base64."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(orjson.dumps(value)) + packer.flush()
    return b'<script type="text/plain" id="' + name.encode() + b'">' + base64.b64encode(packed) + b"</script>\n"


def _part(name: str) -> str:
    return (resources.files("medenv.report.page") / "data" / name).read_text("utf-8")


def _code() -> str:
    parts = "\n".join(_part(name) for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


def _head(title: str, report_html: str | None) -> str:
    digest = base64.b64encode(hashlib.sha256(_code().encode()).digest()).decode()
    policy = "; ".join([*_POLICY, f"script-src 'sha256-{digest}'"])
    parts = {
        "policy": html.escape(policy),
        "generator": GENERATOR,
        "title": html.escape(title),
        "css": _part("page.css"),
        "report": report_html or "",
    }
    # All at once: what is put in is not looked through for further places.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _part("page.html"))


def _script() -> str:
    return f"<script>{_code()}</script>"
