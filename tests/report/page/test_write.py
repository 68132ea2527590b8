"""The page as a file: whole, without anything that a text in it could break out of, and the command that writes it."""

import base64
import hashlib
import json
import re
import webbrowser

import pytest

from medenv.grading import load_grader
from medenv.report.page import write_page
from medenv.rollouts import RunFolder, RunFolderError, read_run
from tests.cli.inside import medenv
from tests.report.page.pages import blocks_of, hostile


@pytest.fixture(scope="module")
def page(tmp_path_factory, played):
    folder = tmp_path_factory.mktemp("page")
    assert (
        write_page([*played, hostile(folder / "hostile")], folder / "page.html", report_html="<h2>Scores</h2>") == 104
    )
    return folder / "page.html"


def test_every_episode_is_in_it_whole(page, played):
    blocks = blocks_of(page)
    index = blocks["index"]
    columns = index["columns"]
    assert index["count"] == len(blocks["words"]) == len(columns["task"]) == 104
    assert [one["name"] for one in index["runs"]] == ["reference", "glance", "random", "hostile"]
    transcripts = [blocks[f"block-{b}"][p] for b, p in zip(columns["block"], columns["place"], strict=True)]
    stored = [json.loads(line) for run in played for line in (run / "trajectories.jsonl").read_bytes().splitlines()]
    for row, found in zip(stored, transcripts, strict=False):
        shared, length, rest = found["prompt"]
        assert (index["shared"][shared][:length] if shared >= 0 else "") + rest == row["prompt"]
        assert [turn.get("observation") for turn in found["turns"]] == [turn["observation"] for turn in row["turns"]]
        assert [turn["text"] for turn in found["turns"]] == [turn["text"] for turn in row["turns"]]
        assert found["verdict"] == row["verdict"]
        assert found["changes"] == row["changes"]


def test_no_text_gets_into_the_page_as_it_is_and_no_secret_at_all(page):
    text = page.read_text("utf-8")
    assert "onerror" not in text
    assert "hunter2" not in text + json.dumps(blocks_of(page))
    assert "example.org" not in json.dumps(blocks_of(page))


def test_its_policy_allows_its_own_script_and_no_network(page):
    text = page.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#x27;", "'")
    assert policy.startswith("default-src 'none';")
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "http:" not in policy
    assert "https:" not in policy
    assert not re.search(r'(?:src|href)="(?!#)', text), "nothing is loaded"


def test_equal_runs_give_equal_bytes(page, played, tmp_path):
    folder = page.parent
    write_page([*played, folder / "hostile"], tmp_path / "again.html", report_html="<h2>Scores</h2>")
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_verdicts_of_another_grader(played, tmp_path):
    official = load_grader("official")
    write_page(
        [played[1]], tmp_path / "page.html", grader=official, title="{{report}} </title><b>", report_html="{{css}}"
    )
    blocks = blocks_of(tmp_path / "page.html")
    settings = blocks["index"]["runs"][0]["settings"]
    assert (settings["grader"], settings["grader_version"]) == ("official", official.version)
    judged = [official.judge(one).verdict for one in read_run(played[1])]
    assert [one["verdict"] for one in blocks["block-0"]] == json.loads(json.dumps(judged))
    text = (tmp_path / "page.html").read_text()
    assert "<title>{{report}} &lt;/title&gt;&lt;b&gt;</title>" in text
    assert ">{{css}}</section>" in text


def test_a_run_of_no_episodes_is_a_page(tmp_path):
    with RunFolder(tmp_path / "empty", {}):
        pass
    assert write_page([tmp_path / "empty"], tmp_path / "page.html") == 0
    assert blocks_of(tmp_path / "page.html")["index"]["count"] == 0


def test_a_damaged_run_leaves_the_page_that_was_there(tmp_path, page):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "trajectories.jsonl").write_bytes(b"{}\n")
    (tmp_path / "page.html").write_text("before")
    with pytest.raises(RunFolderError, match="line 1"):
        write_page([tmp_path / "bad"], tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == "before"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bad", "page.html"]
    with pytest.raises(RunFolderError, match="no such file"):
        write_page([tmp_path / "nothing"], tmp_path / "page.html")


def test_the_command(page, played, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    run = page.parent / "hostile"
    done = medenv("view", run, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (run / "view.html").exists()
    assert not opened, "no terminal, no browser"
    done = medenv("view", run, *played, "--out", "two.html", "--open", cwd=tmp_path)
    assert "104 episodes" in done.stdout
    assert opened == [(tmp_path / "two.html").as_uri()]
    (tmp_path / "thesis.html").write_text("<p>years of work")
    refused = medenv("view", run, "--out", "thesis.html", cwd=tmp_path)
    assert refused.returncode == 2
    assert (tmp_path / "thesis.html").read_text() == "<p>years of work"
    assert medenv("view", run, "--out", "two.html", "--no-open", cwd=tmp_path).returncode == 0, "a page is replaced"
    assert medenv("view", tmp_path / "nothing", "--out", "x.html", cwd=tmp_path).returncode == 2
