"""Names and addresses of made-up people; family names by the thousand, so that every split can have its own.

All lists are medenv's own; places don't exist, and telephone numbers lie in the range kept free for fiction (555-01xx).
"""

from __future__ import annotations

import random

__all__ = ["CITIES", "FEMALE", "LONGER", "MALE", "address", "families", "telephone"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE = _words(
    """
    Agnes Alba Annika Astrid Beatrix Birgit Bronwyn Celestine Clementine Cordula Dagmar Delphine Dorothea Edith
    Eleonora Elfriede Esperanza Estelle Eulalia Felicitas Fenja Fiorella Florentine Freya Gisela Greta Gudrun
    Hedda Henrietta Hildegard Ilse Imogen Ingrid Isolde Jolanda Josefine Kateryna Kerstin Leocadia Liselotte
    Ludmila Mari Marisol Mathilde Mechthild Nadja Nerys Oda Odette Ottilie Paloma Petronella Philippa Ragnhild
    Romy Rosalind Saskia Signe Sunniva Tamsin Theodora Ulrike Ursula Valeska Verena Wilhelmina Xenia Ylva Yvette
    Zelda
    """
)
MALE = _words(
    """
    Adalbert Ambrose Anselm Archibald Arvid Axel Balthasar Bertram Caspian Clemens Cornelius Cuthbert Dietmar
    Eberhard Edmund Eino Emeric Enzo Ezequiel Fergus Florian Fridolin Gaspard Gerwin Giacomo Godfrey Gunnar
    Halvard Hannes Hartmut Horatio Ignatius Ivo Jasper Joachim Kasimir Konrad Lambert Laszlo Leander Leo Lorenz
    Ludovic Magnus Matthias Milan Mortimer Nils Olaf Osvaldo Percival Quentin Raimund Rasmus Roderick Rurik
    Sigmund Silvan Stellan Tancred Theo Tobias Torsten Ulrich Umberto Valdemar Viggo Wendell Xaver Zoltan
    """
)
LONGER = {"Leo": "Leopold", "Mari": "Mariella", "Theo": "Theodosius"}
"""Given names that begin with another one: a prefix search for the shorter finds both."""

STREETS = _words(
    """
    Alder Birch Cedar Harbor Hawthorn Juniper Lantern Linden Maple Meadow Orchard Quarry Willow Windmill
    """
)
KINDS = _words(
    """
    Avenue Court Drive Lane Road Street Terrace Way
    """
)
CITIES = (
    ("Alderbrook", "OR", "970"),
    ("Brackwater", "ME", "040"),
    ("Cinder Falls", "MT", "598"),
    ("Dunmoor", "VT", "056"),
    ("East Lanthorn", "OH", "432"),
    ("Fernhollow", "WA", "983"),
    ("Grayport", "NC", "285"),
    ("Hollis Bend", "MO", "640"),
    ("Larkmead", "CA", "958"),
    ("Saltmarsh", "MD", "218"),
)
"""City, state, the first three digits of its postal code."""


def address(rng: random.Random) -> dict[str, object]:
    """Draw an address; one in eight has only a street line, as some of the official patients do."""
    line = f"{rng.randrange(1, 2400)} {rng.choice(STREETS)} {rng.choice(KINDS)}"
    city, state, area = rng.choice(CITIES)
    number = rng.randrange(100)
    if rng.random() < 0.125:
        return {"line": [line]}
    return {"line": [line], "city": city, "state": state, "postalCode": f"{area}{number:02d}"}


def telephone(rng: random.Random) -> str:
    """Draw a fictional number."""
    return f"{rng.randrange(201, 990)}-555-01{rng.randrange(100):02d}"


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
    """Return one of several disjoint lists of family names, each put together from two syllables.

    Args:
        split: Which, from 0.
        of: How many there are.
    """
    every = [first + last for first in _FIRST for last in _LAST if not last.startswith(first[-1].lower())]
    return tuple(dict.fromkeys(every))[split::of]
