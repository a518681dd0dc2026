"""The pages, driven as people do: search, model page, widget, Deploy; against the real server."""

import array
import json
import math
import os
import pathlib
import re
import shutil
import sys

import pytest
from playwright.sync_api import expect

from steps import (AWKWARD, PHONE, compute, deploy_code, post, reply_json, run, shown_scores,
                   without_sideways_scroll)

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "goldens"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PAGE = "/" + MODEL
WIDTH = 384
SOURCE = "That is a happy person"
SENTENCES = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]


def golden_vector(text):
    """What the reference implementation makes of a text of tests/goldens/texts.json."""
    texts = [entry["text"] for entry in json.loads((GOLDENS / "texts.json").read_text())]
    values = array.array("f", (GOLDENS / "minilm" / "embeddings.f32").read_bytes())
    at = texts.index(text) * WIDTH
    return values[at:at + WIDTH]


def golden_score(a, b):
    u, v = golden_vector(a), golden_vector(b)
    return sum(x * y for x, y in zip(u, v)) / math.sqrt(sum(x * x for x in u) * sum(y * y for y in v))


def rows(page):
    return page.get_by_role("textbox", name=re.compile(r"^Sentence \d+$"))


def endpoint(site):
    return site + "/models/" + MODEL


def fill_sentences(page, source, sentences):
    page.get_by_label("Source sentence").fill(source)
    while rows(page).count() > len(sentences):
        page.get_by_role("button", name="Remove sentence 1").click()
    while rows(page).count() < len(sentences):
        page.get_by_role("button", name="Add sentence").click()
    for i, text in enumerate(sentences):
        rows(page).nth(i).fill(text)


def feature_extraction(page):
    page.get_by_text("Feature Extraction", exact=True).last.click()


# The list of models


def test_search_finds_the_model_and_opens_it(open_page):
    page = open_page("/")
    expect(page.get_by_role("heading", name="Models on this machine")).to_be_visible()
    expect(page.locator(".model-card").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("minilm sentence")
    expect(page.locator(f".model-card[data-id='{MODEL}']")).to_be_visible()
    assert "search=minilm" in page.url
    page.locator(f".model-card[data-id='{MODEL}']").click()
    expect(page.get_by_role("heading", level=1, name=re.compile("all-MiniLM-L6-v2")).first).to_be_visible()
    assert page.url.endswith(PAGE)


def test_filters_narrow_the_list(open_page):
    page = open_page("/")
    expect(page.get_by_label("Task").locator("option")).to_have_text(["All tasks", "Sentence Similarity"])
    card = page.locator(f".model-card[data-id='{MODEL}']")
    page.get_by_label("Task").select_option("sentence-similarity")
    expect(card).to_be_visible()
    page.get_by_role("searchbox").fill("no such model anywhere")
    expect(card).to_have_count(0)
    expect(page.get_by_text("No model matches")).to_be_visible()


def test_tags_of_a_model_lead_to_its_like(open_page):
    page = open_page(PAGE)
    page.get_by_role("link", name="Licence: apache-2.0").click()
    expect(page.locator(f".model-card[data-id='{MODEL}']")).to_be_visible()
    page.get_by_role("button", name="Remove filter license:apache-2.0").click()
    assert "filter" not in page.url


def test_empty_machine_says_how_to_add_a_model(open_page):
    page = open_page("/404-first")
    page.expects_errors = True  # the address above is missing on purpose
    page.route("**/api/models?*", lambda route: route.fulfill(json=[]))
    page.get_by_role("link", name="All models on this machine").click()
    expect(page.get_by_text("No models on this machine yet")).to_be_visible()
    expect(page.get_by_text("inferd pull")).to_be_visible()


def test_unknown_model_is_a_page_with_advice(open_page, site):
    page = open_page("/nobody/no-such-model")
    page.expects_errors = True  # the 404 itself
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    expect(page.get_by_text("inferd pull nobody/no-such-model")).to_be_visible()
    assert page.request.get(site + "/nobody/no-such-model").status == 404


# Sentence similarity


def test_bars_have_the_reference_scores(open_page):
    page = open_page(PAGE)
    assert page.get_by_label("Source sentence").input_value() == SOURCE
    assert [row.input_value() for row in rows(page).all()] == SENTENCES
    compute(page)
    scores = shown_scores(page)
    assert [label for label, _ in scores] == SENTENCES
    for label, score in scores:
        assert score == pytest.approx(golden_score(SOURCE, label), abs=1e-5)
    expect(page.locator(".bar.best .bar-label")).to_have_text("That is a very happy person")
    expect(page.locator(".costs")).to_contain_text("total")
    expect(page.locator(".costs")).to_contain_text("tokens")
    page.get_by_role("button", name="Sort by score").click()
    values = [score for _, score in shown_scores(page)]
    assert values == sorted(values, reverse=True)


def test_bar_lengths_follow_the_scores(open_page):
    page = open_page(PAGE)
    compute(page)
    page.wait_for_function("document.querySelector('.bar-fill').clientWidth > 0")
    for bar in page.locator(".bars .bar").all():
        share = bar.evaluate("b => b.querySelector('.bar-fill').getBoundingClientRect().width / "
                             "b.querySelector('.bar-track').getBoundingClientRect().width")
        assert share == pytest.approx(abs(float(bar.get_attribute("data-score"))), abs=0.02)


def test_rows_are_added_and_removed_by_button_and_keyboard(open_page):
    page = open_page(PAGE)
    page.get_by_role("button", name="Add sentence").click()
    expect(rows(page)).to_have_count(4)
    page.keyboard.type("typed into the new row")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(5)
    page.keyboard.press("Backspace")
    expect(rows(page)).to_have_count(4)
    expect(rows(page).nth(3)).to_be_focused()
    page.get_by_role("button", name="Remove sentence 1").click()
    assert [row.input_value() for row in rows(page).all()] == [*SENTENCES[1:], "typed into the new row"]
    for _ in range(2):
        page.get_by_role("button", name="Remove sentence 1").click()
    expect(page.get_by_role("button", name="Remove sentence 1")).to_be_disabled()


def test_works_by_keyboard_alone(open_page):
    page = open_page(PAGE)
    expect(page.get_by_role("button", name="Compute")).to_be_visible()
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.evaluate("[document.activeElement.getAttribute('aria-label'), document.activeElement.id]")
        if focused[0] == "Sentence 1":
            page.keyboard.press("Control+a")
            page.keyboard.type("Today is a sunny day")
        if focused[1] == "compute":
            break
    assert focused[1] == "compute"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    expect(page.locator(".bars .bar")).to_have_count(3)
    assert shown_scores(page)[0][0] == "Today is a sunny day"
    page.get_by_role("tab", name="Result").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("JSON of the reply")).to_be_visible()


def test_control_enter_computes(open_page):
    page = open_page(PAGE)
    page.get_by_label("Source sentence").press("Control+Enter")
    expect(page.locator(".bars .bar")).to_have_count(3)


def test_json_view_is_the_reply(open_page, site):
    page = open_page(PAGE)
    compute(page)
    inputs = {"source_sentence": SOURCE, "sentences": SENTENCES}
    assert reply_json(page) == post(site, "/models/" + MODEL, {"inputs": inputs})


def test_state_says_loaded_after_a_request(open_page):
    page = open_page(PAGE)
    compute(page)
    expect(page.locator(".pill")).to_contain_text("Loaded", timeout=5000)
    expect(page.locator(".pill")).to_have_attribute("data-kind", "loaded")
    expect(page.locator(".pill")).to_contain_text("unloads in")


def test_truncation_is_never_silent(open_page):
    page = open_page(PAGE)
    fill_sentences(page, SOURCE, ["word " * 2000])
    compute(page)
    expect(page.locator(".warning-box")).to_contain_text("longer than the model reads")


def test_examples_of_the_card_fill_the_form(open_page, site):
    page = open_page(PAGE)
    entry = {"example_title": "Weather", "source_sentence": "It rains", "sentences": ["It pours", "It is dry"]}
    other = {"text": "of another task"}

    def with_examples(route):
        model = route.fetch().json()
        route.fulfill(json={**model, "widgetData": [other, entry, {"source_sentence": "It snows", "sentences": ["Snow"]}]})

    page.route(f"**/api/models/{MODEL}", with_examples)
    page.reload()
    expect(page.get_by_label("Source sentence")).to_have_value("It rains")
    assert [row.input_value() for row in rows(page).all()] == ["It pours", "It is dry"]
    page.get_by_label("Examples").select_option("Example 3")
    expect(page.get_by_label("Source sentence")).to_have_value("It snows")


# Feature extraction


def test_vector_is_the_reference_vector(open_page):
    page = open_page(PAGE)
    feature_extraction(page)
    page.get_by_label("Text", exact=True).fill(SOURCE)
    compute(page)
    expect(page.locator(".facts")).to_contain_text(str(WIDTH))
    expect(page.locator("canvas.heat")).to_be_visible()
    assert reply_json(page) == pytest.approx(list(golden_vector(SOURCE)), abs=1e-5)


def test_parameters_reach_the_server(open_page, site):
    page = open_page(PAGE)
    feature_extraction(page)
    page.get_by_label("Text", exact=True).fill(SOURCE)
    page.get_by_text("Parameters", exact=True).click()
    page.get_by_label("Dimensions").fill("8")
    with page.expect_request("**/pipeline/feature-extraction") as sent:
        compute(page)
    assert sent.value.post_data_json == {"inputs": SOURCE, "dimensions": 8}


# Errors


def test_error_of_the_server_is_shown(open_page):
    page = open_page(PAGE)
    page.expects_errors = True
    fill_sentences(page, SOURCE, [""])
    compute(page)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The request is not valid")
    expect(alert).to_contain_text("inputs.sentences")
    fill_sentences(page, SOURCE, ["That is a happy dog"])
    compute(page)
    expect(alert).to_have_count(0)


def test_a_broken_model_says_why(open_page, server, tmp_path):
    long = "x" * 200
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": long}))
    (folder / "README.md").write_text("---\npipeline_tag: fill-mask\n---\n")
    server.cli("add", str(folder), "me/long")
    page = open_page("/me/long")
    page.expects_errors = True
    compute(page)
    expect(page.get_by_role("alert")).to_contain_text("'config.json': model_type 'xxx")
    expect(page.get_by_label("Model state")).to_contain_text("cannot load model 'me/long'")
    assert without_sideways_scroll(page)
    inside = page.locator(".widget").evaluate("w => w.scrollWidth <= w.clientWidth")
    assert inside  # nothing sticks out of the panel
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "config.json").write_text('{"model_type": "bert"}')
    server.cli("add", str(tmp_path / "json"), "me/json")
    next(server.data_dir.glob("hub/models--me--json/snapshots/*/config.json")).resolve().write_text("{")
    page = open_page("/me/json")
    expect(page.get_by_role("alert")).to_contain_text("'config.json': the file is not valid JSON")
    (tmp_path / "json" / "config.json").write_text("[]")
    server.cli("add", str(tmp_path / "json"), "me/list")
    page = open_page("/me/list")
    expect(page.get_by_role("alert")).to_contain_text("'config.json' is an array, expected an object")


def test_lost_server_is_shown(open_page, site):
    page = open_page(PAGE)
    page.expects_errors = True
    expect(page.get_by_role("button", name="Compute")).to_be_visible()
    page.route(endpoint(site), lambda route: route.abort())
    compute(page)
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".bars .bar")).to_have_count(3)


def test_token_is_asked_for_and_sent(open_page, site):
    page = open_page(PAGE)
    page.expects_errors = True
    seen = []

    def guard(route):
        seen.append(route.request.headers.get("authorization"))
        if seen[-1] == "Bearer hf_pasted":
            route.fulfill(json=[0.5, 0.25, 0.125])
        else:
            route.fulfill(status=401, json={"error": "Invalid credentials in Authorization header"})

    page.route(endpoint(site), guard)
    compute(page)
    expect(page.get_by_role("alert")).to_contain_text("This server needs a token")
    page.route("**/status/**", lambda route: route.fulfill(status=401, json={"error": "token"}))
    page.get_by_label("Access token").fill("hf_pasted")
    page.get_by_role("button", name="Use token").click()
    expect(page.locator(".bars .bar")).to_have_count(3)
    assert seen == [None, "Bearer hf_pasted"]


def test_server_that_requires_tokens(open_page, make_server):
    guarded = make_server("--require-token", start=False)
    token = guarded.cli("token", "create").stdout.strip()
    guarded.start()
    page = open_page("/", at=guarded.url)
    page.expects_errors = True
    for attempt in ("hf_wrong", token):
        expect(page.get_by_role("alert")).to_contain_text("This server needs a token")
        page.get_by_label("Access token").fill(attempt)
        page.get_by_role("button", name="Use token").click()
        page.wait_for_load_state("networkidle")
    page.locator(".model-card").click()
    compute(page)
    expect(page.locator(".bars .bar")).to_have_count(3)
    assert "Bearer $HF_TOKEN" in deploy_code(page, "curl")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Token").click()
    page.get_by_role("button", name="Forget token").click()
    expect(page.get_by_role("alert")).to_contain_text("This server needs a token")


def test_running_request_can_be_cancelled(open_page, site):
    page = open_page(PAGE)
    held = []
    page.route(endpoint(site), lambda route: held.append(route))  # never answered
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_role("button", name="Compute")).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Compute")).to_be_enabled()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert len(held) == 1


# Deploy


def awkward_call(page, site):
    """Puts inputs full of quotes into the widget; the scores they have."""
    sentences = [AWKWARD, "two\nlines", "'''", "</script>"]
    fill_sentences(page, AWKWARD, sentences)
    return post(site, "/models/" + MODEL, {"inputs": {"source_sentence": AWKWARD, "sentences": sentences}})


def test_curl_code_runs_as_shown(open_page, site):
    page = open_page(PAGE)
    expected = awkward_call(page, site)
    code = deploy_code(page, "curl")
    assert json.loads(run(["sh", "-c", code])) == pytest.approx(expected, abs=1e-6)


def test_python_code_runs_as_shown(open_page, site):
    page = open_page(PAGE)
    expected = awkward_call(page, site)
    code = deploy_code(page, "Python")
    assert "InferenceClient" in code
    assert json.loads(run([sys.executable, "-c", code])) == pytest.approx(expected, abs=1e-6)


def test_javascript_code_runs_as_shown(open_page, site, tmp_path):
    modules = os.environ.get("NODE_PATH")
    if not modules:
        pytest.skip("NODE_PATH does not say where @huggingface/inference is")
    page = open_page(PAGE)
    expected = awkward_call(page, site)
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "example.mjs").write_text(deploy_code(page, "JavaScript"))
    shown = run(["node", "example.mjs"], cwd=tmp_path)
    assert json.loads(shown) == pytest.approx(expected, abs=1e-6)


def test_openai_code_runs_as_shown(open_page, site):
    page = open_page(PAGE)
    feature_extraction(page)
    page.get_by_label("Text", exact=True).fill(AWKWARD)
    code = deploy_code(page, "OpenAI SDK") + "\nimport json\nprint(json.dumps(output.data[0].embedding))"
    expected = post(site, f"/models/{MODEL}/pipeline/feature-extraction", {"inputs": AWKWARD})
    assert json.loads(run([sys.executable, "-c", code]).splitlines()[-1]) == pytest.approx(expected, abs=1e-6)


def test_code_with_a_token_reads_it_from_the_environment(open_page):
    page = open_page(PAGE)
    for language, sign in (("curl", "Bearer $HF_TOKEN"), ("Python", 'os.environ["HF_TOKEN"]'),
                           ("JavaScript", "process.env.HF_TOKEN")):
        assert "HF_TOKEN" not in deploy_code(page, language)
        page.get_by_role("checkbox").check()
        assert sign in deploy_code(page, language)
        page.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Deploy")).to_be_focused()


# The rest of the page


def test_files_tab_lives_in_the_address(open_page, site):
    page = open_page(PAGE)
    page.get_by_role("tab", name="Files").click()
    assert page.url.endswith("#files")
    row = page.get_by_role("row", name=re.compile("model.safetensors"))
    expect(row).to_contain_text("MB")
    expect(row).to_contain_text("53aa51172d14")
    link = page.get_by_role("link", name="config.json", exact=True).first.get_attribute("href")
    assert page.request.get(site + link).json()["hidden_size"] == WIDTH
    page.reload()
    expect(page.get_by_role("tab", name="Files")).to_have_attribute("aria-selected", "true")


def test_card_is_rendered(open_page):
    page = open_page(PAGE)
    card = page.locator(".card-text")
    expect(card.get_by_role("heading", name="Usage (Sentence-Transformers)")).to_be_visible()
    expect(card.locator("pre", has_text="SentenceTransformer(")).to_be_visible()
    expect(card.get_by_role("cell", name="726,484,430")).to_be_visible()


HOSTILE = """<h1>Card</h1><script>window.pwned = 1</script><img src="x" onerror="window.pwned = 2">
<img src="https://other.invalid/pixel.png" alt="pixel"><a href="javascript:window.pwned = 3">link</a>
<a href=" java&#10;script:window.pwned = 3">link</a><iframe src="https://other.invalid"></iframe>
<style>body { display: none }</style><form action="https://other.invalid"><input name="password"></form>
<svg onload="window.pwned = 4"><a xlink:href="javascript:window.pwned = 5">x</a></svg>
<div id="compute" class="dialog" style="position: fixed">over</div><base href="https://other.invalid">
<meta http-equiv="refresh" content="0; url=https://other.invalid">"""


def test_hostile_card_is_harmless_even_unsanitised(open_page):
    page = open_page(PAGE)
    page.expects_errors = True  # the policy's reports, and the picture that is not there
    page.route("**/card", lambda route: route.fulfill(json={"html": HOSTILE}))
    page.reload()
    card = page.locator(".card-text")
    expect(card.get_by_role("heading", name="Card")).to_be_visible()
    for link in card.get_by_text("link").all():
        link.click()
    assert page.evaluate("window.pwned") is None
    assert card.locator("script, iframe, style, form, input, svg, base, meta, [id=compute], [style], [onerror]").count() == 0
    assert page.url.endswith(PAGE)


@pytest.mark.skipif("INFERD_URL" in os.environ, reason="adds a model to the server's own folder")
def test_hostile_card_of_a_model_is_harmless(open_page, server, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(GOLDENS / "tiny" / "bert-max", folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n" + HOSTILE + "\n\n[link](javascript:window.pwned=6)\n")
    server.cli("add", str(folder), "acme/hostile")
    page = open_page("/acme/hostile")
    expect(page.locator(".card-text")).to_contain_text("link")
    for link in page.locator(".card-text").get_by_text("link").all():
        link.click()
    assert page.evaluate("window.pwned") is None
    assert page.url.endswith("/acme/hostile")
    compute(page)
    expect(page.locator(".bars .bar")).to_have_count(3)


def test_task_without_a_row_gets_a_form_and_bars(open_page, site):
    page = open_page(PAGE)
    spec = {"inputs": {"type": "string"}, "output": {}, "parameters": {"type": "object", "properties": {
        "top_k": {"type": "integer", "minimum": 1, "maximum": 9, "default": 5},
        "mode": {"type": "string", "enum": ["fast", "good"], "default": "fast"},
        "raw": {"type": "boolean"}}}}
    page.route("**/api/tasks", lambda route: route.fulfill(json={"text-scoring": {
        "label": "Text Scoring", "spec": spec, "example": {"inputs": "Paris is [MASK]."}}}))
    page.route(f"**/api/models/{MODEL}", lambda route: route.fulfill(
        json={**route.fetch().json(), "pipeline_tag": "text-scoring", "widgetData": [{"text": "Rome is [MASK]."}]}))
    page.route(endpoint(site), lambda route: route.fulfill(
        json=[{"score": 0.75, "token_str": "old"}, {"score": 0.25, "token_str": "big"}]))
    page.reload()
    expect(page.get_by_label("Input")).to_have_value("Rome is [MASK].")
    page.get_by_text("Parameters", exact=True).click()
    page.get_by_label("Top k", exact=True).fill("2")
    page.get_by_label("Mode", exact=True).select_option("good")
    page.get_by_label("Raw", exact=True).select_option("false")
    with page.expect_request(endpoint(site)) as sent:
        compute(page)
    assert sent.value.post_data_json == {
        "inputs": "Rome is [MASK].", "parameters": {"top_k": 2, "mode": "good", "raw": False}}
    assert shown_scores(page) == [("old", 0.75), ("big", 0.25)]
    assert "client.text_scoring(" in deploy_code(page, "Python")


def test_theme_is_chosen_and_kept(open_page):
    page = open_page("/", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Switch to dark theme").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Switch to light theme").click()
    assert page.evaluate(ground) == light


@pytest.mark.parametrize("path", ["/", PAGE, PAGE + "#files", "/nobody/none"])
def test_phone_never_scrolls_sideways(open_page, path):
    page = open_page(path, **PHONE)
    page.expects_errors = path == "/nobody/none"
    page.wait_for_load_state("networkidle")
    assert without_sideways_scroll(page)


def test_widget_fits_on_a_phone(open_page):
    page = open_page(PAGE, **PHONE)
    order = "[...document.querySelectorAll('#side, #main')].map(n => n.getBoundingClientRect().top)"
    compute(page)
    assert without_sideways_scroll(page)
    widget, card = page.evaluate(order)
    assert widget < card
    feature_extraction(page)
    compute(page)
    assert without_sideways_scroll(page)
    deploy_code(page, "Python")
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
