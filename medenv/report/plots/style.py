"""How all plots look, and how they become files: colours that stay apart for everybody and in black and white, the same bytes each time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "DPI",
    "HATCHES",
    "MARKERS",
    "Plot",
    "drawing",
    "floor_line",
    "ink_on",
    "render",
    "series_colours",
    "shades",
    "short",
]

DPI = 120
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---", "++", "oo")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LONGEST = 30
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_RC: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    # A dollar sign in a model's name is a dollar sign.
    "text.parse_math": False,
    "text.usetex": False,
}


@dataclass(frozen=True)
class Plot:
    """A finished plot.

    Attributes:
        name: Of its files.
        title: What it shows, in a line.
        alt: The same for who can't see it: what is drawn, and the numbers that matter.
        svg: With title and description inside.
        png: The same picture.
    """

    name: str
    title: str
    alt: str
    svg: str
    png: bytes


@contextmanager
def drawing() -> Iterator[None]:
    """Set matplotlib's defaults and this module's style for the body; what the process had before comes back."""
    import matplotlib
    from matplotlib import style

    with matplotlib.rc_context(), style.context("default"):
        matplotlib.rcParams.update(_RC)
        yield


def render(
    name: str,
    title: str,
    alt: str,
    size: tuple[float, float],
    draw: Callable[[Figure, Axes], None],
    *,
    inside: bool = True,
) -> Plot:
    """Draw a plot and write it as SVG and PNG.

    Args:
        name: Of its files; also what the ids inside the SVG hang on, so that several can stand in one page.
        title: Its heading.
        alt: Its description.
        size: Width and height in inches.
        draw: Draws on the axes.
        inside: Whether all texts on the axes lie within them, so that laying out can pass over them.
    """
    import logging
    import warnings

    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with drawing(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*missing from font.*")
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        matplotlib.rcParams["svg.hashsalt"] = name
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set_title(title, loc="left", fontweight="bold")
        draw(figure, axes)
        for text_inside in axes.texts if inside else ():
            text_inside.set_in_layout(False)
        picture, text = io.BytesIO(), io.StringIO()
        figure.savefig(picture, format="png", metadata={"Software": None, "Title": title})
        figure.set_layout_engine("none")  # what was laid out once stays
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None})
    return Plot(name, title, alt, _described(text.getvalue(), name, title, alt), picture.getvalue())


def _described(svg: str, name: str, title: str, alt: str) -> str:
    """Add title and description for screen readers to an SVG, drop its metadata and make its ids unique on a page."""
    for prefix, space in (("", _SVG), ("xlink", _XLINK)):
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(svg)
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for one in root.iter():
        for key, value in one.attrib.items():
            if key == "id":
                one.set(key, f"{name}-{value}")
            elif key == f"{{{_XLINK}}}href" and value.startswith("#"):
                one.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                one.set(key, value.replace("url(#", f"url(#{name}-"))
            elif "'DejaVu Sans'" in value:  # then a font as wide that most systems have
                one.set(key, value.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif"))
    for place, (tag, said) in enumerate((("title", title), ("desc", alt))):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text, element.tail = _CONTROL.sub(" ", said), "\n"
        root.insert(place, element)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def floor_line() -> dict[str, Any]:
    """How the blind floor is drawn: dashed, black in a white seam, so that it is seen on light and on dark."""
    from matplotlib.patheffects import withStroke

    seam = [withStroke(linewidth=3.2, foreground="white")]
    return {"color": "black", "linestyle": (0, (4, 2)), "linewidth": 1.3, "path_effects": seam}


def shades() -> Any:
    """Return the colour map of shares: cividis, whose lightness rises evenly, also for the colour-blind."""
    from matplotlib import colormaps

    return colormaps["cividis"]


def series_colours(count: int) -> list[tuple[float, float, float]]:
    """Colours for so many series, from dark to light, far enough from white.

    Args:
        count: How many, 1 to 8.
    """
    from matplotlib import colormaps

    places = [0.5] if count == 1 else [0.95 * at / (count - 1) for at in range(count)]
    return [(red, green, blue) for red, green, blue, _ in map(colormaps["viridis"], places)]


def ink_on(colour: Sequence[float]) -> str:
    """Black or white, whichever stands out more from a colour (WCAG 2 relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (light + 0.05) ** 2 > 1.05 * 0.05 else "white"


def short(name: str, longest: int = _LONGEST) -> str:
    """Shorten a model's name to fit beside an axis; the provider's part goes first."""
    name = _CONTROL.sub(" ", name)
    if len(name) > longest and "/" in name:
        name = name.rsplit("/", 1)[-1]
    return name if len(name) <= longest else name[: longest - 1] + "…"
