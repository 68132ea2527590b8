"""Family names by the thousand, so that every split can have its own.

They are put together from two syllables each; given names, streets and telephone numbers are `medenv.ehr.names`'.
"""

from __future__ import annotations

__all__ = ["families"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words(
    """
    Ald Amber Arrow Ash Barrow Beck Birch Black Brad Bram Bright Brook Cald Carl Chad Clay Cold Copper Cran Dal
    Dar Dun East Eld Elm Ever Fair Fal Far Fern Finch Flint Fox Glen Gold Gran Grey Had Hal Harrow Hart Hather
    Hazel Hether Hol Horn Iron Ivy Kel Kes Kings Lang Lark Lin Long Mal Marsh May Mer Mill Moor Nether New Nor
    Oak Old Or Otter Pem Pen Quill Rad Raven Red Rock Ros Rush Rye Sal Sand Sel Shel Silver Snow Stan Stone Sum
    Swan Tam Thorn Til Under Wal War Wether White Wil Win Wolf Wood Wren Wy Yarrow York
    """
)
_LAST = _words(
    """
    acre bank beck berry borne bourne bridge brook burn bury by combe cote croft dale den field fold ford gate
    grave greave ham hart hatch hurst ington land leigh ley low man mere mond more ness over rick ridge ring row
    sell shaw shore stead stock stone ston stow thorpe thwaite ton tree tune wald wall ward water way well wick
    win wood worth wright wyn yard
    """
)


def families(split: int, of: int) -> tuple[str, ...]:
    """One of several disjoint lists of family names.

    Args:
        split: Which, from 0.
        of: How many there are.
    """
    every = [first + last for first in _FIRST for last in _LAST if not last.startswith(first[-1].lower())]
    return tuple(dict.fromkeys(every))[split::of]
