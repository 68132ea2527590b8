"""Names and addresses of made-up people.

All lists are medenv's own; places don't exist, and telephone numbers lie in the range kept free for fiction (555-01xx).
"""

from __future__ import annotations

import random

__all__ = ["CITIES", "FAMILIES", "FEMALE", "LONGER", "MALE", "address", "telephone"]


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

FAMILIES = _words(
    """
    Abendroth Aldridge Almqvist Amundsen Anstruther Arkwright Asbury Baskin Beaumont Birkeland Blackthorne Boateng
    Bonaventura Bramwell Brenninkmeyer Calloway Carmichael Castellanos Chukwu Coppersmith Cranfield Dahlberg
    Dankworth Delacroix Devereux Drummond Eastaugh Ekwueme Ellingsen Engstrom Fairweather Farrokhzad Featherstone
    Ferreira Finnegan Fothergill Galbraith Garrido Glasswright Goswami Greaves Gyllenborg Haavisto Halloway
    Hashimoto Hawksworth Heatherington Hollander Ibarguen Iverson Jablonski Jankowska Jellicoe Kallio Kasprzak
    Kavanagh Kirkbride Kowalczyk Lachapelle Langstrom Lindqvist Loxley Lundgren Macalister Maddox Marchetti
    Merriweather Mikkelsen Montalban Nakagawa Nightingale Norrington Nwosu Oakhurst Obermeier Okonjo Ottoway
    Pallister Pemberton Penhaligon Petrescu Quarrington Quennell Radcliffe Ravenscroft Rosenquist Rutherglen
    Sandstrom Seagrave Sorensen Stavros Steinbach Szymanski Tannenbaum Thistlewood Tremblay Ullman Underhill
    Vandermeer Varga Vinterberg Wakefield Weatherby Westergaard Whitlock Winterbourne Wojcik Yamazaki Yarborough
    Zellweger
    """
)
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
    """An address; one in eight has only a street line, as some of the official patients do."""
    line = f"{rng.randrange(1, 2400)} {rng.choice(STREETS)} {rng.choice(KINDS)}"
    city, state, area = rng.choice(CITIES)
    number = rng.randrange(100)
    if rng.random() < 0.125:
        return {"line": [line]}
    return {"line": [line], "city": city, "state": state, "postalCode": f"{area}{number:02d}"}


def telephone(rng: random.Random) -> str:
    """A fictional number."""
    return f"{rng.randrange(201, 990)}-555-01{rng.randrange(100):02d}"
