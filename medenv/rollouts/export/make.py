"""Makes a dataset: the runs are gone through, rows are planned, subsampled and written, and the folder appears when all is done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import orjson

from medenv.errors import InputError
from medenv.extras import check_installed
from medenv.rollouts.export.card import card, origins
from medenv.rollouts.export.convert import NotConvertibleError
from medenv.rollouts.export.entries import rank
from medenv.rollouts.export.folder import Rows, appearing, check_free
from medenv.rollouts.export.formats import FORMATS, Format, LeftOutError, Minari
from medenv.rollouts.export.items import Item, subsample
from medenv.rollouts.export.lengths import TRAINERS_MAX_LENGTH, TokenLengths
from medenv.rollouts.export.options import Options
from medenv.rollouts.export.report import Report
from medenv.rollouts.export.source import Source
from medenv.tasks.unknown import unknown

__all__ = ["Tell", "export", "finish", "lengths_of", "part_of"]


_MINARI_NAME = re.compile(r"[\w-]*\w-v\d+", re.ASCII)


class Tell(Protocol):
    """What is told of the progress."""

    def __call__(self, what: str, done: int, of: int | None) -> object:
        """Take note of the progress; called now and then.

        Args:
            what: ``reading`` or ``writing``.
            done: How many episodes or rows.
            of: Of how many, None if that isn't known.
        """


def export(
    format: str,
    runs: Sequence[str | Path],
    out: str | Path,
    options: Options | None = None,
    *,
    force: bool = False,
    tell: Tell = lambda what, done, of: None,
) -> Report:
    """Make a dataset from stored runs.

    Args:
        format: One of `FORMATS`.
        runs: Folders of runs.
        out: The dataset's folder, which must not hold anything unless `force`.
        options: See `Options`.
        force: Replace a dataset that is there.
        tell: Called with the progress.

    Returns:
        What came of it, as also in ``report.json``.

    Raises:
        ValueError: There is no such format, nothing gives a row, the folder is taken, episodes of a split for publishing scores
            are among them, a run is damaged, or a package is missing.
        OSError: The disk is full or fails; nothing is left behind.
    """
    if format not in FORMATS:
        raise unknown("format", format, list(FORMATS), f"there are: {', '.join(FORMATS)}")
    options, out = options or Options(), Path(out)
    check_free(out, force)
    _check_packages(format, options)
    _check_name(format, out)
    report = Report(format, tokens=lengths_of(options))
    with Source(runs, options) as source:

        def read(number: int) -> None:
            report.episodes = number
            tell("reading", number, None)

        entries = list(source.scan(report.left_out, read))
        kind = FORMATS[format](options, tools=_protocol(source, options) == "tools")
        items = subsample(kind.plan(entries, report.left_out), options, report.left_out)
        if not items:
            raise InputError(_nothing(report))
        with appearing(out, force) as folder:
            if isinstance(kind, Minari):
                kind.write(items, source, folder, out.name, lambda number: tell("writing", number, len(items)))
                for item in items:
                    report.count("train", item)
                parts, columns = {}, {}
            else:
                parts, columns = _write_rows(kind, items, source, folder, report, tell), kind.columns
            if not report.total:
                raise InputError(_nothing(report))
            finish(folder, card(out.name, kind.use, columns, parts, origins(source), options, report), report)
    return report


def _protocol(source: Source, options: Options) -> str:
    """Return the one protocol that conversations are written in."""
    played = {one.protocol for one in source.samples if one is not None}
    if len(played) > 1 and options.protocol is None:
        raise InputError(
            f"the runs were played in the protocols {' and '.join(sorted(played))}; write all conversations in one (--protocol text)"
        )
    return options.protocol or "".join(played)


def _check_name(format: str, out: Path) -> None:
    if format == "minari" and not _MINARI_NAME.fullmatch(out.name):
        raise InputError(
            f"a Minari dataset is called by letters, digits, - and _ and a version, which {out.name!r} is not; give a folder like "
            f"{out.with_name('my-data-v0')}"
        )


def finish(folder: Path, text: str, report: Report) -> None:
    """Write card and report."""
    (folder / "README.md").write_text(text, encoding="utf-8")
    (folder / "report.json").write_bytes(orjson.dumps(report.to_dict(), option=orjson.OPT_INDENT_2) + b"\n")


def _write_rows(
    kind: Format, items: Sequence[Item], source: Source, folder: Path, report: Report, tell: Tell
) -> dict[str, str]:
    with Rows(folder, kind.columns, kind.options.file) as rows:
        for number, item in enumerate(items, 1):
            try:
                row = kind.row(item, source)
            except (LeftOutError, NotConvertibleError) as reason:
                report.left_out[str(reason)] += 1
                continue
            part = part_of(item, kind.options)
            rows.add(part, row)
            report.count(part, item, row)
            if number % 50 == 0 or number == len(items):
                tell("writing", number, len(items))
    report.shortened += kind.shortened
    return rows.parts


def lengths_of(options: Options) -> TokenLengths | None:
    """Make the counter of the rows' tokens, if the options name a tokenizer.

    Raises:
        MissingExtraError: transformers isn't installed.
        InputError: There is no such tokenizer.
    """
    return TokenLengths(options.tokenizer, options.max_length or TRAINERS_MAX_LENGTH) if options.tokenizer else None


def part_of(item: Item, options: Options) -> str:
    """Choose the part that a row goes to, ``train`` or ``validation``: the same for all rows of a task."""
    entry = item.entries[0]
    if entry.split == "validation":
        return "validation"
    drawn = int.from_bytes(rank(options.seed, "part", entry.key[0], entry.split), "big") / 2**64
    return "validation" if drawn < options.validation else "train"


def _nothing(report: Report) -> str:
    reasons = "; ".join(f"{count} {reason}" for reason, count in report.left_out.most_common())
    return f"{report.episodes} episodes give no row of the format {report.format!r}" + (
        f": {reasons}" if reasons else ""
    )


def _check_packages(format: str, options: Options) -> None:
    needed = [("minari", "minari"), ("h5py", "minari")] if format == "minari" else []
    needed += [("pyarrow", "datasets")] if options.file == "parquet" and format != "minari" else []
    for package, extra in needed:
        check_installed(package, extra)
