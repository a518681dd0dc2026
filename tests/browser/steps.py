"""What the page tests do again and again."""

import json
import subprocess
import urllib.request

from playwright.sync_api import expect

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
AWKWARD = "it's \"quoted\" $HOME `date` \\ back\\slash ünï 😀 !history"


def post(site, path, body):
    request = urllib.request.Request(site + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def compute(page):
    page.get_by_role("button", name="Compute", exact=True).click()
    expect(page.locator("#outcome[aria-busy=false] > *").first).to_be_visible(timeout=30000)


def shown_scores(page, within=None):
    return [(bar.locator(".bar-label").inner_text(), float(bar.get_attribute("data-score")))
            for bar in (within or page).locator(".bars .bar").all()]


def reply_json(page):
    page.get_by_role("tab", name="JSON").click()
    return json.loads(page.get_by_label("JSON of the reply").inner_text())


def without_sideways_scroll(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def deploy_code(page, language):
    """The code of the dialog as the page shows it."""
    if not page.get_by_role("dialog").count():
        page.get_by_role("button", name="Deploy").click()
        page.get_by_role("menuitem", name="Inference API").click()
    page.get_by_role("dialog").get_by_role("tab", name=language).click()
    return page.locator("#deploy-code").inner_text()


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout
