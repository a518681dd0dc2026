"""A browser for the page tests. Every test's page fails the test on console errors, script errors
and requests to other hosts; a test that provokes an error says so with `page.expects_errors`."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def browser():
    # None: the browser that `playwright install chromium` brought
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def site(request):
    """The address of the server: INFERD_URL, or one started for the file."""
    return (os.environ.get("INFERD_URL") or request.getfixturevalue("server").url).rstrip("/")


@pytest.fixture
def open_page(browser, site):
    """open_page(path, **context options) opens a page of the site (or of the server at `at`), watched
    as the file's head says."""
    contexts, watched = [], []

    def make(path, at=site, **options):
        context = browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **options})
        contexts.append(context)
        page = context.new_page()
        page.expects_errors = False
        problems = []
        watched.append((page, problems))
        page.on("console", lambda line: line.type == "error" and problems.append("console: " + line.text))
        page.on("pageerror", lambda error: problems.append(f"script: {error}"))
        page.on("request", lambda sent: sent.url.startswith((at + "/", "data:")) or
                problems.append("request to " + sent.url))
        page.goto(at + path)
        return page

    yield make
    for page, problems in watched:
        foreign = [text for text in problems if text.startswith("request")]
        assert (foreign if page.expects_errors else problems) == []
    for context in contexts:
        context.close()
