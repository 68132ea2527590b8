"""Debian's Chromium driven by playwright; tests skip where either is missing."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = os.environ.get("MEDENV_TEST_CHROMIUM") or shutil.which("chromium")
"""The browser."""

AXE = Path(os.environ.get("MEDENV_TEST_AXE", "node_modules/axe-core/axe.min.js"))
"""axe-core's script (npm's package axe-core)."""


def needed():
    """Playwright, or a skip that says what is missing."""
    found = pytest.importorskip("playwright.sync_api", reason="playwright (of the extra test-view) is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium (Debian's package, or MEDENV_TEST_CHROMIUM)")
    return found


@contextmanager
def chromium(playwright):
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page of runs, open in a browser; keeps what went wrong in it and what it asked the network for."""

    def __init__(self, browser, file, address="", **options):
        self.page = browser.new_page(**{"viewport": {"width": 1300, "height": 850}, **options})
        self.faults, self.requests = [], []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "console", lambda said: self.faults.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri() + address)
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def settle(self):
        """Wait until what was asked for is shown: filters are applied once a frame, transcripts are unpacked."""
        for part in ("list", "reader"):
            self.page.wait_for_selector(f"#{part}:not([aria-busy=true])", state="attached")

    def count(self):
        self.settle()
        return int(self.page.inner_text("#count").split()[0].replace(",", ""))

    def tasks(self):
        self.settle()
        return [text.split()[0] for text in self.page.locator(".row .what").all_inner_texts()]

    def title(self, side=0):
        self.settle()
        self.page.wait_for_selector(f".transcript:nth-child({side + 1}) h2")
        return self.page.locator(".transcript").nth(side).locator("h2").inner_text().split()[0]

    def run(self, side=0):
        self.settle()
        return self.page.locator(".transcript").nth(side).locator(".facts-line").inner_text().split(" · ")[0]

    def close(self):
        assert self.faults == []
        assert all(url.startswith("file:") for url in self.requests), "the page asks for nothing"
        assert len(self.requests) == 1
        self.page.close()
