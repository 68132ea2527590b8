"""A text as a picture, for ``render_mode="rgb_array"``: always of one size, so that frames make a video."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medenv.extras import MissingExtraError, check_installed, import_optional

__all__ = ["HEIGHT", "WIDTH", "check_pictures", "picture", "picture_modes"]

WIDTH, HEIGHT = 960, 720
"""Size of a picture in pixels; both are even, as video codecs want them."""
_SIZE, _STEP, _EDGE = 13, 17, 16
"""Of a letter, from line to line, and to the picture's edge, in pixels."""
_COLUMNS = 128
"""Letters a line: as many as fit if most are narrow; what is wider is cut at the edge."""
_LINES = (HEIGHT - 2 * _EDGE) // _STEP
_PAPER, _INK, _ROLE = (250, 250, 247), (32, 36, 40), (20, 90, 160)


def check_pictures() -> None:
    """Check that pictures can be made.

    Raises:
        MissingExtraError: Pillow isn't installed.
    """
    check_installed("PIL", "video")


def picture_modes() -> list[str]:
    """Return the render modes that pictures serve: ``rgb_array`` where Pillow is installed."""
    try:
        check_pictures()
    except MissingExtraError:
        return []
    return ["rgb_array"]


def picture(text: str) -> NDArray[np.uint8]:
    """Draw a text from its beginning, as far as it goes.

    Args:
        text: Lines; those that are a word in square brackets are headings.

    Returns:
        Height by width by three colours.

    Raises:
        MissingExtraError: Pillow isn't installed.
    """
    image = import_optional("PIL.Image", "video").new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = import_optional("PIL.ImageDraw", "video").Draw(image)
    font = _font()
    for row, line in enumerate(_lines(text)):
        heading = line.startswith("[") and line.endswith("]") and " " not in line
        pen.text((_EDGE, _EDGE + row * _STEP), line, _ROLE if heading else _INK, font)
    return np.array(image, np.uint8)


def _font() -> Any:
    return import_optional("PIL.ImageFont", "video").load_default(_SIZE)


def _lines(text: str) -> list[str]:
    """Return the lines that a picture has room for; where some are left out, the last one says how many."""
    wrapped = [
        part
        for line in text.expandtabs(2).splitlines()
        for part in textwrap.wrap(line, _COLUMNS, drop_whitespace=False, replace_whitespace=False) or [""]
    ]
    if len(wrapped) <= _LINES:
        return wrapped
    return [*wrapped[: _LINES - 1], f"... and {len(wrapped) - _LINES + 1} more lines"]
