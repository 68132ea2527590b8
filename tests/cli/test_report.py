"""``medenv report`` and ``medenv compare`` on runs, published tables and odd ones, as a user runs them."""

import csv
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from medenv.rollouts import Manifest, read_run
from medenv.rollouts.fingerprint import fingerprint_of_run
from medenv.rollouts.timing import minutes_of
from medenv.trajectories import Status
from tests.cli.inside import medenv
from tests.report.made_up import episode, episodes_of, write_published, write_run
from tests.report.page.pages import blocks_of

try:
    import matplotlib
except ModuleNotFoundError:
    matplotlib = None
needs_plots = pytest.mark.skipif(matplotlib is None, reason="needs the extra 'report'")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for agent in ("reference", "glance"):
        done = medenv("eval", "--agent", agent, "--split", "builtin", "--limit", 40, "--out", agent, cwd=folder)
        assert done.returncode == 0, done.stderr
    write_run(folder / "empty", [], agent={"name": "llm", "model": "silent"})
    write_run(folder / "lost", [episode(1, n, None, model="lost") for n in range(3)])
    odd = '<img src=x onerror=alert(1)>, "a" | $x_1$ & \\input{y}'
    write_run(folder / "odd", episodes_of(lambda t, n: n < t % 4, 4, model=odd))
    return folder


def report_of(folder):
    return json.loads((folder / "report.json").read_bytes())


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.ids, self.sources = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        self.ids += [value for name, value in attrs if name == "id"]
        self.sources += [name for name, _ in attrs if name in ("src", "srcset") or name.startswith("on")]


@needs_plots
def test_a_report_of_two_runs_and_published_tables(runs, tmp_path):
    write_published(tmp_path / "tables")
    done = medenv(
        *("report", "reference", "glance", "--published", tmp_path / "tables", "--focus", "glance"),
        *("--parameters", "glance=4B", "-o", tmp_path / "out"),
        cwd=runs,
    )
    assert done.returncode == 0, done.stderr
    said = report_of(tmp_path / "out")
    by_name = {one["name"]: one for one in said["models"]}
    assert [one["name"] for one in said["models"]][:2] == ["reference", "Alpha"]
    assert by_name["reference"]["total"]["passed"] == by_name["reference"]["total"]["scored"] == 40
    assert by_name["glance"]["parameters"] == "4B"
    assert by_name["glance"]["minutes"] == minutes_of(runs / "glance")
    assert by_name["Alpha"]["cost"] is by_name["Alpha"]["clustered_error"] is None
    blind = medenv("eval", "--agent", "blind", "--split", "builtin", "--limit", 40, "--out", tmp_path / "b", cwd=runs)
    assert f"{said['blind_floor']['total']['passed']}/40" == blind.stdout.splitlines()[-1]
    rows = list(csv.DictReader((tmp_path / "out" / "tables" / "leaderboard.csv").read_text().splitlines()))
    assert [row["Rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    for name in said["plots"]:
        assert {f"plots/{name}.{kind}" for kind in ("svg", "png", "txt")} <= files
    assert {"leaderboard", "task_heatmap", "task_difficulty", "task_grouped_bars", "model_vs_field"} <= set(
        said["plots"]
    )
    assert {"report.md", "report.html", "report.json", "tables/task_difficulty.tex"} <= files


@needs_plots
def test_the_page_asks_for_nothing_and_its_links_lead_somewhere(runs, tmp_path):
    assert medenv("report", "odd", "-o", tmp_path / "out", cwd=runs).returncode == 0
    text = (tmp_path / "out" / "report.html").read_text()
    page = Page(text)
    assert page.links
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert not {"img", "link", "iframe", "object"} & set(page.tags)
    assert not page.sources
    assert page.tags.count("script") == len(re.findall(r'<script type="text/plain"', text)) + 1
    assert not re.search(r"url\((?!#)", text)
    assert "default-src 'none'" in unescape(text)
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        assert ElementTree.fromstring(svg).get("role") == "img"


def test_the_page_holds_the_episodes_of_the_runs_on_the_board(runs, tmp_path):
    options = ("--no-plots", "--no-floor", "--only", "reference", "--title", "A <title>")
    assert medenv("report", "reference", "glance", *options, "-o", tmp_path / "out", cwd=runs).returncode == 0
    index = blocks_of(tmp_path / "out" / "report.html")["index"]
    assert index["count"] == 40
    assert [one["name"] for one in index["runs"]] == ["reference"]
    text = (tmp_path / "out" / "report.html").read_text()
    assert text.count("A &lt;title&gt;") == 2
    assert "Leaderboard" in text
    write_published(tmp_path / "tables")
    alone = medenv("report", "--published", tmp_path / "tables", "--no-plots", "-o", tmp_path / "plain", cwd=runs)
    assert alone.returncode == 0, alone.stderr
    assert "script" not in Page((tmp_path / "plain" / "report.html").read_text()).tags


def test_a_report_is_the_same_each_time(runs, tmp_path):
    for name in ("one", "two"):
        assert medenv("report", "reference", "glance", "--no-plots", "-o", tmp_path / name, cwd=runs).returncode == 0
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


@pytest.mark.parametrize(
    ("run", "word"),
    [("empty", "no episode"), ("lost", "infrastructure error"), ("odd", "no episode tells what it cost")],
)
def test_an_odd_run_makes_a_report_that_says_so(runs, tmp_path, run, word):
    done = medenv("report", run, "-o", tmp_path / "out", cwd=runs)
    assert done.returncode == 0, done.stderr
    for name in ("report.md", "report.html", "report.json"):
        text = (tmp_path / "out" / name).read_text()
        assert word in text
        assert name == "report.json" or not re.search(r"(?<!\\)<img", text)
    assert any(word in remark for remark in report_of(tmp_path / "out")["remarks"])


def test_odd_runs_beside_a_whole_one(runs, tmp_path):
    whole = write_run(tmp_path / "whole", episodes_of(lambda t, n: n < 2, 4))
    done = medenv("report", "empty", "lost", whole, "odd", "--no-plots", "-o", tmp_path / "out", cwd=runs)
    assert done.returncode == 0, done.stderr
    assert [one["rank"] for one in report_of(tmp_path / "out")["models"]] == [1, 2, None, None]


def test_what_is_not_comparable_is_refused_before_anything_is_written(runs, tmp_path):
    other = [replace(one, protocol="tools") for one in read_run(runs / "glance")]
    write_run(tmp_path / "tools", other)
    for command in (("report", "--no-plots", "-o", tmp_path / "out"), ("compare",)):
        done = medenv(*command, "reference", tmp_path / "tools", cwd=runs)
        assert done.returncode == 2
        assert "protocol" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
    regraded = medenv("grade", "glance", "--grader", "official", "--out", tmp_path / "official", cwd=runs)
    assert regraded.returncode == 0
    assert medenv("report", "reference", tmp_path / "official", "-o", tmp_path / "out", cwd=runs).returncode == 2
    options = ("--grader", "official", "--no-plots", "-o", tmp_path / "out")
    assert medenv("report", "reference", tmp_path / "official", *options, cwd=runs).returncode == 0
    assert report_of(tmp_path / "out")["conditions"]["grader"] == ["official (version 1)"]
    shown = blocks_of(tmp_path / "out" / "report.html")["index"]["runs"]
    assert [one["settings"]["grader"] for one in shown] == ["official", "official"]


def test_a_folder_that_is_there_is_kept(runs, tmp_path):
    out = tmp_path / "out"
    options = ("--no-plots", "--no-floor", "-o", out)
    assert medenv("report", "odd", *options, cwd=runs).returncode == 0
    before = (out / "report.md").read_bytes()
    refused = medenv("report", "reference", *options, cwd=runs)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert (out / "report.md").read_bytes() == before
    assert medenv("report", "reference", *options, "--force", cwd=runs).returncode == 0
    assert (out / "report.md").read_bytes() != before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    assert medenv("report", "odd", "--no-plots", "--force", "-o", tmp_path / "mine", cwd=runs).returncode == 2
    assert (tmp_path / "mine" / "thesis.tex").exists()
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("report", "odd"), "--out"),
        (("report", "-o", "x"), "RUNS"),
        (("report", "nowhere", "-o", "x"), "nowhere"),
        (("report", "odd", "--focus", "nobody", "-o", "x"), "nobody"),
        (("report", "odd", "--only", "nobody", "-o", "x"), "nobody"),
        (("report", "odd", "--parameters", "4B", "-o", "x"), "4B"),
        (("report", "odd", "--parameters", "nobody=4B", "-o", "x"), "nobody"),
        (("report", "odd", "--published", "nowhere", "-o", "x"), "nowhere"),
        (("report", "odd", "--grader", "kind", "-o", "x"), "kind"),
        (("report", "odd", "lost", "--submission", "-o", "x"), "RUNS"),
        (("report", "empty", "--submission", "-o", "x"), "no score"),
        (("compare", "odd"), "RUNS"),
        (("compare", "odd", "empty"), "in common"),
    ],
)
def test_mistakes_are_told(runs, arguments, word):
    done = medenv(*arguments, cwd=runs)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not (runs / "x").exists()


def test_a_submission_is_a_run_with_all_that_a_stranger_needs(runs, tmp_path):
    out = tmp_path / "out"
    assert medenv("report", "glance", "--submission", "-o", out, cwd=runs).returncode == 0
    said = json.loads((out / "submission.json").read_bytes())
    assert (out / "trajectories.jsonl").read_bytes() == (runs / "glance" / "trajectories.jsonl").read_bytes()
    assert said["fingerprint"] == fingerprint_of_run(runs / "glance") == fingerprint_of_run(out)
    summary = json.loads((runs / "glance" / "summary.json").read_bytes())
    assert said["scores"]["total"] == summary["total"]
    assert said["blind_floor"]["total"]["passed"] == summary["blind"]["total"]["passed"]
    assert {"medenv", "python", "numpy"} <= set(said["versions"])
    assert Manifest.read(out).settings == Manifest.read(runs / "glance").settings
    assert str(tmp_path) not in (out / "manifest.json").read_text()
    assert str(runs) not in (out / "manifest.json").read_text()
    again = medenv("report", out, "--no-plots", "-o", tmp_path / "report", cwd=runs)
    assert again.returncode == 0, again.stderr


def test_a_comparison_of_three_in_words(runs, tmp_path):
    def solved(least):
        return episodes_of(lambda t, n: n >= least, 6)

    for name, least in (("a", 4), ("b", 0), ("c", 4)):
        write_run(tmp_path / name, solved(least))
    done = medenv("compare", "a", "b", "c", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "b solved 100.0 % and a 33.3 %: +66.7 points" in text
    assert "b did better on 40 tasks and worse on 0" in text
    assert "more than chance explains" in text
    assert "Neither did better than the other on any task" in text
    assert "Holm" in text


def test_time_is_counted_over_sittings(runs, tmp_path):
    def play(*more):
        return medenv("eval", "--agent", "empty", "--split", "builtin", *more, cwd=tmp_path)

    assert play("--limit", 3, "--out", "r").returncode == 0
    first = minutes_of(tmp_path / "r")
    assert first > 0
    assert medenv("eval", "--resume", "r", "--samples", 2, cwd=tmp_path).returncode == 0
    assert minutes_of(tmp_path / "r") > first
    assert minutes_of(tmp_path) is None
    (tmp_path / "r" / "timing.json").write_text('{"seconds": "soon"}')
    assert minutes_of(tmp_path / "r" / "trajectories.jsonl") is None


def test_a_run_with_some_errors_says_how_many(tmp_path):
    episodes = [
        *episodes_of(lambda t, n: True, 2),
        episode(1, 50, None),
        episode(1, 51, 0.0, status=Status.INVALID_ACTION),
    ]
    write_run(tmp_path / "r", episodes)
    assert medenv("report", "r", "--no-plots", "-o", "out", cwd=tmp_path).returncode == 0
    assert any("1 of 22 episodes" in remark for remark in report_of(tmp_path / "out")["remarks"])
