"""The plots: what stands in them, how they look (by pixel, with a tolerance), and whether everybody can tell the series apart.

The pictures that they are compared with are made by ``python -m tests.report.test_plots`` and looked at by people.
"""

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra 'report'")

import matplotlib
from matplotlib import image

from medenv.report.board import Cell, Floor, board_of
from medenv.report.plots import pareto, plots_of
from medenv.report.plots.bars import leaderboard
from medenv.report.plots.fields import cost_accuracy
from medenv.report.plots.style import ink_on, series_colours, shades, short
from tests.report.made_up import episodes_of, record

BASELINES = Path(__file__).parent / "baselines"
NAMES = [
    "leaderboard",
    "task_heatmap",
    "task_difficulty",
    "task_grouped_bars",
    "model_vs_field",
    "cost_accuracy",
    "branch_accuracy",
]
SCALE = 4
"""Pixels of a plot that make one of the stored picture, each way: small differences of letters vanish in it."""
WINDOW = 16
"""Pixels of the stored picture, each way, over which a difference is averaged: about a bar, or the number beside it."""
TOLERANCE = 0.07
"""Root of the mean squared difference of grey values (0 to 1) in the window that differs most: letters without
smoothing make 0.05, one more task solved of one type by one model makes 0.1 and more."""


def made_up_board(more=0):
    """Four models.

    Args:
        more: How many more tasks of type 4 the second one solves.
    """
    runs = [
        record("first/model-with-a-rather-long-name", episodes_of(lambda t, n: n < 5, cost=0.04)),
        record("Second $5 & <b>", episodes_of(lambda t, n: n < (t + (more if t == 4 else 0)) % 7, cost=0.004)),
        record("third", episodes_of(lambda t, n: t == 3 or n % 3 == 0, cost=0.01)),
        record("fourth", episodes_of(lambda t, n: n < 2, cost=0.02)),
    ]
    floor = Floor(Cell(0.15), {t: Cell(0.2 if t % 2 else 0.0) for t in range(1, 11)}, {(1, "found"): Cell(0.1)})
    return board_of(runs, floor=floor)


@pytest.fixture(scope="module")
def plots():
    return {one.name: one for one in plots_of(made_up_board(), "third")}


def pixels(png, tmp_path):
    path = tmp_path / "plot.png"
    path.write_bytes(png)
    return small(image.imread(path))


def small(picture):
    """Grey values, averaged over blocks of pixels."""
    grey = picture[..., :3] @ np.array([0.2126, 0.7152, 0.0722])
    high, wide = (size // SCALE * SCALE for size in grey.shape)
    return grey[:high, :wide].reshape(high // SCALE, SCALE, wide // SCALE, SCALE).mean(axis=(1, 3))


def distance(one, other):
    """How much two pictures differ in the window where they differ most."""
    squares = (one - other) ** 2
    high, wide = (-(-size // WINDOW) for size in squares.shape)
    whole = np.zeros((high * WINDOW, wide * WINDOW))
    whole[: squares.shape[0], : squares.shape[1]] = squares
    return float(np.sqrt(whole.reshape(high, WINDOW, wide, WINDOW).mean(axis=(1, 3)).max()))


def test_all_plots_are_there(plots):
    assert sorted(plots) == sorted(NAMES)


@pytest.mark.skipif(
    tuple(int(part) for part in matplotlib.__version__.split(".")[:2]) < (3, 11),
    reason="matplotlib before 3.11 draws other letters than those of the stored pictures",
)
@pytest.mark.parametrize("name", NAMES)
def test_a_plot_looks_as_it_did_when_somebody_looked_at_it(plots, name, tmp_path):
    found, wanted = pixels(plots[name].png, tmp_path), image.imread(BASELINES / f"{name}.png")
    wanted = wanted if wanted.ndim == 2 else wanted[..., 0]
    assert found.shape == wanted.shape
    assert distance(found, wanted) < TOLERANCE


@pytest.fixture(scope="module")
def changed():
    return {one.name: one for one in plots_of(made_up_board(more=1), "third")}


@pytest.mark.parametrize("name", NAMES)
def test_one_more_task_solved_looks_otherwise(plots, changed, name, tmp_path):
    found, other = (pixels(one[name].png, tmp_path) for one in (plots, changed))
    assert distance(found, other) > TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_an_svg_says_in_words_what_it_shows(plots, name):
    plot = plots[name]
    root = ElementTree.fromstring(plot.svg)
    inside = {one.tag.split("}")[1]: one.text for one in root[:2]}
    assert inside == {"title": plot.title, "desc": plot.alt}
    assert root.get("role") == "img"
    assert len(plot.alt) > 60
    texts = "".join(root.itertext())
    shown = "third" if name == "model_vs_field" else "Second $5 & <b>"
    assert shown in texts.replace("\n", "")
    assert not re.search(r"https?://(?!www\.w3\.org)", plot.svg)
    assert "<b>" not in plot.svg


def test_there_is_a_number_in_each_cell(plots):
    texts = list(ElementTree.fromstring(plots["task_heatmap"].svg).itertext())
    board = made_up_board()
    for one in board.entries:
        for cell in [*one.types.values(), one.total]:
            assert f"{100 * cell.share:.1f}" in texts
            assert "{:.0f}–{:.0f}".format(*(100 * x for x in cell.interval)) in texts
    assert "blind floor" in texts


def test_bars_are_sorted_by_score_and_the_floor_is_drawn(plots):
    texts = [text.strip() for text in ElementTree.fromstring(plots["leaderboard"].svg).itertext()]
    order = [short(name) for name in made_up_board().names]
    assert [text for text in texts if text in order] == order
    assert any("blind floor" in text for text in texts)
    for name in ("task_heatmap", "task_difficulty", "task_grouped_bars", "model_vs_field", "branch_accuracy"):
        assert "blind floor" in plots[name].svg


def test_the_same_board_gives_the_same_bytes(plots):
    from matplotlib import pyplot, rcParams

    rcParams["font.size"] = 30  # of somebody else in this process
    try:
        again = [leaderboard(made_up_board()), cost_accuracy(made_up_board())]
        assert rcParams["font.size"] == 30
    finally:
        rcParams["font.size"] = 10
    for one in again:
        assert one == plots[one.name]
    assert not pyplot.get_fignums()


def test_ids_of_two_plots_on_one_page_differ(plots):
    seen = set()
    for name in NAMES:
        svg = plots[name].svg
        ids = re.findall(r' id="([^"]+)"', svg)
        assert not seen & set(ids)
        assert {one for one in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg) for one in one if one} <= set(ids)
        seen |= set(ids)


# Machado, Oliveira and Fernandes 2009, deuteranopia of full severity, on linear RGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(colour, matrix):
    """CIE L*a*b* of an sRGB colour as somebody sees it."""
    rgb = np.array(colour[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(matrix @ linear, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("count", range(1, 9))
@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPIA], ids=["everybody", "deuteranopia"])
def test_series_stay_apart(count, seen):
    found = [lab(one, seen) for one in series_colours(count)]
    for at, one in enumerate(found):
        for other in found[at + 1 :]:
            assert np.linalg.norm(one - other) > 10
            assert abs(one[0] - other[0]) > 6  # and in black and white
        assert np.linalg.norm(one - lab((1, 1, 1), seen)) > 15


@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPIA], ids=["everybody", "deuteranopia"])
def test_shades_of_cells_get_lighter_evenly_and_their_numbers_can_be_read(seen):
    steps = [shades()(at / 20) for at in range(21)]
    lightness = [lab(one, seen)[0] for one in steps]
    assert all(2 < b - a < 7 for a, b in pairwise(lightness))
    for one in steps:
        ink = {"black": 0.0, "white": 1.0}[ink_on(one)]
        back = float(np.array([0.2126, 0.7152, 0.0722]) @ np.array([((c + 0.055) / 1.055) ** 2.4 for c in one[:3]]))
        light, dark = max(ink, back), min(ink, back)
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2, level AA


def test_the_front_is_what_nobody_beats():
    points = [(1.0, 0.5), (2.0, 0.7), (2.0, 0.6), (3.0, 0.7), (0.5, 0.1), (4.0, 0.9)]
    assert pareto(points) == [4, 0, 1, 5]
    assert pareto([]) == []
    assert pareto([(1.0, 0.5), (1.0, 0.5)]) == [0, 1]


def test_what_cannot_be_drawn_is_left_out():
    lone = board_of([record("one", episodes_of(lambda t, n: n < 3))])
    names = [one.name for one in plots_of(lone)]
    assert "cost_accuracy" not in names  # no price
    assert "model_vs_field" not in names  # no field
    assert "leaderboard" in names
    assert plots_of(board_of([record("empty", [])])) == []
    assert plots_of(board_of([])) == []


@pytest.mark.parametrize("name", ["a" * 300, "provider/" + "b" * 50, "$x^2$ \\frac", "模型", "a\nb"])
def test_any_name_can_be_drawn(name):
    board = board_of(
        [record(name, episodes_of(lambda t, n: n < 3, 2)), record("k", episodes_of(lambda t, n: n < 2, 2))]
    )
    ElementTree.fromstring(leaderboard(board).svg)


def write_baselines():
    """Make the stored pictures anew; look at them afterwards."""
    import tempfile

    BASELINES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for one in plots_of(made_up_board(), "third"):
            grey = pixels(one.png, Path(folder))
            image.imsave(
                BASELINES / f"{one.name}.png", np.repeat(grey[..., None], 3, axis=2), metadata={"Software": None}
            )


if __name__ == "__main__":
    write_baselines()
