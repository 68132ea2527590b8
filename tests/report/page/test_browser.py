"""The page in Chromium: filters, search, links, keys, side by side, hostile texts, accessibility, and no request at all."""

import importlib.util
import re

import pytest

from medenv.report.board import board_of
from medenv.report.document import html_fragment
from medenv.report.page import write_page
from medenv.report.plots import plots_of
from medenv.report.tables import tables_of
from medenv.rollouts import RunFolder
from tests.report.made_up import episodes_of, record
from tests.report.page.browser import AXE, Opened, chromium, needed
from tests.report.page.pages import hostile

EPISODES = "#view=episodes"
"""Of a page with a report, which shows that first."""
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


def report_of_two():
    """A report as ``medenv report`` makes it; with plots where matplotlib is."""
    models = [
        record("<b>first</b> & first", episodes_of(lambda t, n: n < 3, 4, cost=0.04)),
        record("second", episodes_of(lambda t, n: n < t % 4, 4, cost=0.01)),
    ]
    board = board_of(models)
    drawn = plots_of(board, "second") if importlib.util.find_spec("matplotlib") else []
    return html_fragment(board, tables_of(board, "second"), drawn)


@pytest.fixture(scope="module")
def file(tmp_path_factory, driver, played):
    folder = tmp_path_factory.mktemp("page")
    write_page([*played, hostile(folder / "hostile")], folder / "page.html", report_html=report_of_two())
    return folder / "page.html"


@pytest.fixture(scope="module")
def driver():
    return needed()


@pytest.fixture(scope="module")
def browser(file, driver):
    with chromium(driver) as found:  # after the runs were played: its loop takes this thread's place for asyncio
        yield found


@pytest.fixture
def opened(browser, file):
    one = Opened(browser, file, EPISODES)
    yield one
    one.close()


def eventually(opened, selector, text):
    """Wait until the first element that fits holds a text."""
    from playwright.sync_api import expect

    expect(opened.page.locator(selector).first).to_contain_text(text)


def test_filters(opened):
    page = opened.page
    assert opened.count() == 104
    page.select_option("#f-run", label="glance (20)")
    assert opened.count() == 20
    page.select_option(
        "#f-verdict", label=next(t for t in page.locator("#f-verdict option").all_inner_texts() if "solved" in t)
    )
    solved = opened.count()
    assert 0 < solved < 20
    assert f"{solved} of {solved} scored" in page.inner_text("#count")
    page.click("#clear")
    assert opened.count() == 104
    page.select_option("#f-type", "9")
    assert all(task.startswith("task9_") for task in opened.tasks())
    page.click("#clear")
    page.select_option("#f-failure", "paging")
    assert all("paging" in text for text in page.locator(".row .more").all_inner_texts())
    page.click("#clear")
    page.select_option("#f-verdict", "2")
    assert opened.count() == 1, "one infrastructure error"
    page.click("#clear")
    page.select_option("#f-branch", "normal")
    assert all("normal" in text for text in page.locator(".row .more").all_inner_texts())


def test_search(opened):
    page = opened.page
    page.fill("#q", "task9_s0_1")
    eventually(opened, "#count", re.compile("^5 of"))
    page.fill("#q", "no such words")
    eventually(opened, "#count", re.compile("^0 of"))
    assert "No episode fits" in page.inner_text("#rows")
    page.fill("#q", "searchset")
    eventually(opened, "#count", re.compile("^0 of"))
    page.check("#deep")
    eventually(opened, "#count", re.compile("^[3-9][0-9] of"))


@pytest.mark.parametrize(
    "between", ["", 'window.dispatchEvent(new Event("resize"));'], ids=["at once", "the window changes"]
)
def test_a_key_pressed_right_after_typing_acts_on_what_was_typed(opened, between):
    opened.page.evaluate(f"""() => {{
        const box = document.getElementById("q");
        box.value = "task9_s0_1";
        box.dispatchEvent(new Event("input"));
        {between}
        document.body.dispatchEvent(new KeyboardEvent("keydown", {{ key: "j", bubbles: true }}));
    }}""")
    eventually(opened, "#count", re.compile("^5 of"))
    assert opened.title() == "task9_s0_1"


def test_a_link_shows_what_it_names(opened, browser, file):
    page = opened.page
    page.select_option("#f-run", label="random (60)")
    page.fill("#q", "task5_")
    eventually(opened, "#count", re.compile("^6 of"))
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    task, run = opened.title(), opened.run()
    page.keyboard.press("]")
    page.wait_for_selector(".turn.now")
    address = page.evaluate("location.hash")
    other = Opened(browser, file, address)
    assert (other.title(), other.run(), other.count()) == (task, run, opened.count())
    assert other.page.input_value("#q") == "task5_"
    other.page.wait_for_selector(".turn.now")
    other.close()
    page.go_back()
    broken = Opened(browser, file, "#episode=none%2Fof%2Fthese")
    assert "no such episode" in broken.page.inner_text("#said")
    broken.close()


def test_keys(opened):
    page = opened.page
    page.keyboard.press("j")
    first = opened.title()
    page.keyboard.press("j")
    eventually(opened, ".transcript h2", re.compile(f"^(?!{first} )"))
    page.keyboard.press("k")
    eventually(opened, ".transcript h2", re.compile(f"^{first} "))
    page.focus("#list")
    page.keyboard.press("End")
    eventually(opened, ".facts-line", re.compile("^hostile"))
    assert page.locator(".row[aria-selected=true]").get_attribute("aria-posinset") == "104"
    page.keyboard.press("o")
    assert page.locator(".turn details.fold:not([open])").count() == 0
    page.keyboard.press("o")
    assert page.locator(".turn details.fold[open]").count() == 0
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    keys = page.locator("#keys kbd").all_inner_texts()
    assert {"j", "k", "/", "s", "?"} <= set(keys)
    page.uncheck("#shortcuts")
    page.click("#help-close")
    page.keyboard.press("t")
    assert page.get_attribute("html", "data-theme") is None, "single keys can be switched off"
    page.click("#help-open")
    page.check("#shortcuts")
    page.click("#help-close")
    page.keyboard.press("t")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.keyboard.press("/")
    page.keyboard.type("jjj")
    assert page.input_value("#q") == "jjj", "keys are text where one types"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.locator(".transcript h2").wait_for(state="detached")


def test_side_by_side_and_the_same_task_over_runs(opened):
    page = opened.page
    page.keyboard.press("j")
    task = opened.title()
    page.keyboard.press("s")
    assert (opened.title(0), opened.title(1)) == (task, task)
    assert (opened.run(0), opened.run(1)) == ("reference", "glance")
    page.keyboard.press("s")
    eventually(opened, ".transcript:nth-child(2) .facts-line", re.compile("^random"))
    rows = page.locator(".transcript").first.locator(".same tbody tr")
    assert rows.count() == 5, "reference, glance and three samples of random"
    page.keyboard.press("w")
    page.locator(".transcript:nth-child(2)").wait_for(state="detached")
    page.locator(".row").nth(3).click(modifiers=["Shift"])
    page.locator(".transcript:nth-child(2) h2").wait_for()
    assert opened.title(1) != task, "any two can be read side by side"


def test_tasks_by_run(opened):
    page = opened.page
    page.click("#tab-tasks")
    assert page.locator(".matrix .head > span").all_inner_texts()[1:] == ["reference", "glance", "random", "hostile"]
    first = page.locator(".matrix .line").first
    assert first.locator(".cell").nth(2).locator("button").count() == 3, "an attempt, a mark"
    first.locator(".cell button").nth(1).click()
    assert opened.run() == "glance"
    page.keyboard.press("r")
    assert page.locator("#view-report").is_visible()


def test_a_report_is_shown_first_and_its_links_stay_in_it(browser, file):
    opened = Opened(browser, file)
    page = opened.page
    assert page.locator("#view-report").is_visible()
    assert page.locator("#filters").is_hidden()
    page.click("#view-report nav a[href='#failures']")
    assert page.evaluate("document.activeElement.id") == "failures"
    assert page.locator("#failures").is_visible()
    assert page.evaluate("location.hash") == ""
    page.keyboard.press("e")
    assert opened.count() == 104
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert opened.count() == 104, "the address keeps what was chosen"
    page.keyboard.press("r")
    assert page.evaluate("location.hash.slice(1)") == ""
    page.go_back()
    page.locator("#filters").wait_for()
    opened.requests = opened.requests[:1]  # it was loaded twice
    opened.close()


def test_escape_leaves_the_search_box_as_it_is(opened):
    page = opened.page
    page.fill("#q", "task9_s0_1")
    assert opened.count() == 5
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") != "q"
    assert (page.input_value("#q"), opened.count()) == ("task9_s0_1", 5)


def test_a_transcript_shows_request_response_checks_and_chart(opened):
    page = opened.page
    page.fill("#q", "task9_s0")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    opened.title()
    assert page.locator(".checks tbody tr").count() >= 5
    assert page.locator(".checks td[data-name=expected]").count() >= 3
    first = page.locator(".turn").first
    assert "Observation" in first.locator(".request").inner_text()
    assert "code=K" in first.locator(".request").inner_text()
    first.get_by_text("Response,").click()
    tree = first.locator(".tree")
    assert "Bundle" in tree.inner_text()
    hidden = "valueQuantity"
    assert hidden not in tree.inner_text(), "it is folded"
    first.get_by_label("Search in Response 1").fill(hidden)
    assert tree.locator(".hit").count() > 0
    assert tree.locator(".hit").first.is_visible()
    first.get_by_text("Text", exact=True).click()
    assert first.locator("pre:visible").inner_text().startswith("{")


def test_the_chart_before_and_after_an_order(opened):
    page = opened.page
    page.select_option("#f-run", label="hostile (4)")
    page.focus("#list")
    page.keyboard.press("End")
    page.wait_for_selector(".change")
    update = page.locator("section.card", has_text="Chart before and after").last.locator(".change").first
    assert "updated" in update.inner_text()
    assert update.locator(".diff tbody tr").all_inner_texts() == ['status\t"active"\t"stopped"']
    delete = page.locator("section.card", has_text="Chart before and after").last.locator(".change").nth(1)
    assert "It is deleted." in delete.inner_text()


def test_hostile_texts_are_shown_as_text(opened):
    page = opened.page
    page.select_option("#f-run", label="hostile (4)")
    for _ in range(4):
        page.keyboard.press("j")
        opened.title()
        page.keyboard.press("o")
    page.click("#tab-tasks")
    page.click("#tab-report")
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    page.click("#tab-episodes")
    assert "</script>" in page.inner_text(".facts-line")
    assert "U+202E" in page.inner_text(".facts-line"), "characters that turn the text are named"
    assert "U+0000" in page.inner_text(".facts-line")


def test_empty_runs_say_so(browser, tmp_path):
    with RunFolder(tmp_path / "empty", {}):
        pass
    write_page([tmp_path / "empty"], tmp_path / "page.html")
    opened = Opened(browser, tmp_path / "page.html")
    assert "no episodes" in opened.page.inner_text("#reader")
    assert opened.page.locator("#tab-report").is_hidden()
    opened.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 1300), ("dark", 390)])
def test_axe_finds_no_violation(browser, file, scheme, width):
    if not AXE.is_file():
        pytest.skip(f"there is no {AXE} (npm install axe-core, or MEDENV_TEST_AXE)")
    opened = Opened(
        browser, file, EPISODES, color_scheme=scheme, viewport={"width": width, "height": 850}, bypass_csp=True
    )
    page = opened.page
    page.evaluate(AXE.read_text("utf-8"))

    def beside():
        page.locator(".row").nth(1).click()
        opened.title()
        page.keyboard.press("s")
        opened.title(1)
        page.keyboard.press("o")
        page.locator(".turn").first.get_by_label("Search in Response 1").fill("type")

    def changes():
        page.evaluate("location.hash = '#run=hostile&verdict=solved'")
        eventually(opened, "#count", re.compile("^2 of"))
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.locator(".diff").first.wait_for(state="attached")

    keys = {"tasks": "m", "report": "r", "help": "?"}
    states = {"list": lambda: None, "beside": beside, "changes": changes}
    states |= {name: lambda key=key: page.keyboard.press(key) for name, key in keys.items()}
    for name, go in states.items():
        go()
        found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
        violations = [(one["id"], node["html"][:200]) for one in found["violations"] for node in one["nodes"]]
        assert not violations, f"{name}: {violations[:5]}"
        assert found["passes"]
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), f"{name} is wider than the page"
        if name == "report":  # light on dark and dark on light, whatever the system prefers
            page.keyboard.press("t")
            found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
            assert not found["violations"], [one["id"] for one in found["violations"]]
    page.close()
