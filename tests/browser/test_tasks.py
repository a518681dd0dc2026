"""The widgets of the text tasks, and the code that Deploy makes of them, against tiny models."""

import json
import os
import pathlib
import shutil
import sys

import pytest
from playwright.sync_api import expect

from steps import (AWKWARD, PHONE, compute, deploy_code, post, reply_json, run, shown_scores,
                   without_sideways_scroll)

pytestmark = pytest.mark.skipif("INFERD_URL" in os.environ, reason="adds models to the server's own folder")

HEADS = pathlib.Path(__file__).resolve().parent.parent / "goldens" / "heads"
NLI = {"id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"}}
# {name: (folder of goldens/heads, task, changes to config.json)}
MODELS = {
    "fill": ("bert-masked-lm", "fill-mask", {}),
    "fill-old": ("bert-masked-lm", "fill-mask", {}),
    "fill-roberta": ("roberta-masked-lm", "fill-mask", {}),
    "classify": ("bert-labels", "text-classification", {}),
    "entities": ("bert-token-labels", "token-classification", {}),
    "answers": ("bert-spans", "question-answering", {}),
    "zero": ("bert-labels", "zero-shot-classification", NLI),
    "rank": ("bert-labels-one", "text-ranking", {}),
    "boxes": ("../tasks/layoutlm-answers", "question-answering", {}),
    "tables": ("../tables/wtq", "table-question-answering", {}),
}
EMOJI = "😀 é 👩‍👩‍👧 I live in Berlin 🏠 with Ann."


@pytest.fixture(scope="module")
def models(server, tmp_path_factory):
    for name, (source, task, changes) in MODELS.items():
        folder = tmp_path_factory.mktemp("models") / name
        shutil.copytree(HEADS / source, folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **changes}))
        (folder / "README.md").write_text(f"---\npipeline_tag: {task}\n---\n\n# Card\n\n```sh\n{'long ' * 40}\n```\n")
        if name == "fill-old":  # as of 2019: no file says which token is the mask
            (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
        server.cli("add", str(folder), "acme/" + name)


@pytest.fixture
def open_model(open_page, models):
    """open_model(name, widget entries of its card or None, **context options)"""
    def make(name, entries=None, **options):
        page = open_page("/acme/" + name, **options)
        if entries is not None:
            page.route(f"**/api/models/acme/{name}", lambda route: route.fulfill(
                json={**route.fetch().json(), "widgetData": entries}))
            page.reload()
        expect(page.get_by_role("button", name="Compute", exact=True)).to_be_visible()
        return page
    return make


def endpoint(site, name):
    return f"{site}/models/acme/{name}"


def mock(page, site, name, reply):
    page.route(endpoint(site, name), lambda route: route.fulfill(json=reply))


def sent_by(page, site, name):
    with page.expect_request(endpoint(site, name)) as sent:
        compute(page)
    return sent.value.post_data_json


# Fill-mask


def test_fill_mask_ranks_words_and_fills_the_text(open_model, site):
    page = open_model("fill")
    text = page.get_by_label("Text with a mask")
    expect(text).to_have_value("The answer to the universe is [MASK].")
    compute(page)
    reply = post(site, "/models/acme/fill", {"inputs": "The answer to the universe is [MASK]."})
    assert [score for _, score in shown_scores(page)] == [word["score"] for word in reply]
    expect(page.locator(".filled")).to_have_text(reply[0]["sequence"])
    expect(page.locator(".filled mark")).to_have_text(reply[0]["token_str"].removeprefix("##"))
    page.locator(".bars").get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".filled")).to_have_text(reply[1]["sequence"])
    assert reply_json(page) == reply


def test_fill_mask_marks_the_word_that_took_the_masks_place(open_model, site):
    page = open_model("fill")
    mock(page, site, "fill", [
        {"score": 0.5, "token": 1, "token_str": "the", "sequence": "the end of the world is the end."},
        {"score": 0.25, "token": 2, "token_str": " ", "sequence": "The end of  world is the end."}])
    page.get_by_label("Text with a mask").fill("The end of [MASK] world is the end.")
    compute(page)
    assert page.locator(".filled").evaluate("p => p.querySelector('mark').previousSibling.data") == "the end of "
    assert [label for label, _ in shown_scores(page)] == ["the", '" "']


def test_fill_mask_with_several_masks(open_model, site):
    page = open_model("fill")
    text = "Paris is the [MASK] of [MASK]."
    page.get_by_label("Text with a mask").fill(text)
    compute(page)
    reply = post(site, "/models/acme/fill", {"inputs": text})
    words = [[word["token_str"].removeprefix("##") for word in mask] for mask in reply]
    for i in range(2):
        section = page.get_by_role("region", name=f"Mask {i + 1}")
        assert [label for label, _ in shown_scores(page, section)] == words[i]
    expect(page.locator(".filled")).to_have_text(f"Paris is the {words[0][0]} of {words[1][0]}.")
    page.get_by_role("region", name="Mask 2").get_by_text(words[1][2], exact=True).click()
    expect(page.locator(".filled")).to_have_text(f"Paris is the {words[0][0]} of {words[1][2]}.")
    expect(page.locator(".filled mark")).to_have_count(2)


def test_more_masks_than_the_model_reads(open_model):
    page = open_model("fill")
    page.get_by_label("Text with a mask").fill("on [MASK] " * 100000)
    compute(page)
    expect(page.locator(".warning-box")).to_contain_text("longer than the model reads")
    expect(page.locator(".filled")).to_contain_text("on [MASK] on [MASK]")


@pytest.mark.parametrize("name, mask", [("fill", "[MASK]"), ("fill-old", "[MASK]"), ("fill-roberta", "<mask>")])
def test_mask_token_is_inserted_where_the_cursor_is(open_model, name, mask):
    page = open_model(name)
    text = page.get_by_label("Text with a mask")
    expect(text).to_have_value(f"The answer to the universe is {mask}.")  # the task's example has <mask>
    text.fill("Paris is  today.")
    text.evaluate("area => area.setSelectionRange(9, 9)")
    page.get_by_role("button", name="Insert " + mask).press("Enter")
    expect(text).to_have_value(f"Paris is {mask} today.")
    expect(text).to_be_focused()
    compute(page)
    expect(page.locator(".filled mark")).to_be_visible()


# Text classification


def test_classes_have_bars(open_model, site):
    page = open_model("classify")
    page.get_by_label("Text", exact=True).fill("What a day")
    compute(page)
    reply = post(site, "/models/acme/classify", {"inputs": "What a day"})
    assert shown_scores(page) == [(item["label"], item["score"]) for item in reply[0]]
    expect(page.locator("#announcer")).to_contain_text(reply[0][0]["label"])


def test_many_classes_are_shown_on_demand(open_model, site):
    page = open_model("classify")
    mock(page, site, "classify", [[{"label": f"class {i}", "score": 0.9 ** i / 10} for i in range(77)]])
    compute(page)
    expect(page.locator(".bar")).to_have_count(20)
    page.get_by_role("button", name="Show all 77").click()
    expect(page.locator(".bar")).to_have_count(77)


# Token classification


def test_entities_are_marked_by_code_points(open_model, site):
    page = open_model("entities")
    page.get_by_label("Text", exact=True).fill(EMOJI)
    compute(page)
    reply = post(site, "/models/acme/entities", {"inputs": EMOJI})
    assert len(reply) > 3
    marks = page.locator(".marked-text mark")
    shown = [(mark.evaluate("m => m.firstChild.data"), mark.get_attribute("data-group")) for mark in marks.all()]
    assert shown == [(EMOJI[item["start"]:item["end"]], item["entity_group"]) for item in reply]
    said = page.get_by_role("list", name="Entities").get_by_role("listitem")
    assert said.all_inner_texts()[0].startswith(f"{reply[0]['word']}: {reply[0]['entity_group']}, ")
    expect(said).to_have_count(len(reply))


def test_entities_have_a_colour_a_group_and_a_score_on_focus(open_model, site):
    page = open_model("entities")
    mock(page, site, "entities", [
        {"entity_group": "PER", "score": 0.998, "word": "ann", "start": 2, "end": 5},
        {"entity_group": "LOC", "score": 0.75, "word": "rome", "start": 9, "end": 13},
        {"entity_group": "PER", "score": 0.5, "word": "bob", "start": 18, "end": 21}])
    page.get_by_label("Text", exact=True).fill("🎉 Ann in Rome and Bob")
    compute(page)
    colours = [mark.evaluate("m => getComputedStyle(m).backgroundColor") for mark in page.locator("mark.entity").all()]
    assert colours[0] == colours[2] != colours[1]
    assert page.locator(".legend").inner_text().split() == ["PER", "2", "LOC", "1"]
    score = page.locator("mark.entity").nth(1).locator(".entity-score")
    expect(score).to_be_hidden()
    page.get_by_role("tab", name="Result").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
        if score.is_visible():
            break
    expect(score).to_be_visible()
    expect(score).to_have_text("0.750")
    page.locator("mark.entity").first.hover()
    expect(page.locator("mark.entity").first.locator(".entity-score")).to_be_visible()


def test_score_of_an_entity_over_two_lines_is_readable(open_model, site):
    page = open_model("entities", **PHONE)
    mock(page, site, "entities", [{"entity_group": "PER", "score": 0.998, "word": "ann", "start": 0, "end": 59}])
    page.get_by_label("Text", exact=True).fill("Ann Beatrice Caroline Dorothea Elisabeth Frederica Georgina and others")
    compute(page)
    mark, text = page.locator("mark.entity"), page.locator(".marked-text").bounding_box()
    mark.tap()
    score = mark.locator(".entity-score").bounding_box()
    assert mark.bounding_box()["height"] > 2 * score["height"] and score["width"] > score["height"]
    assert text["x"] <= score["x"] and score["x"] + score["width"] <= text["x"] + text["width"]
    assert text["y"] <= score["y"]


def test_text_without_entities(open_model, site):
    page = open_model("entities")
    mock(page, site, "entities", [])
    compute(page)
    expect(page.locator("#outcome")).to_contain_text("No entities")


def test_texts_run_in_the_direction_of_their_script(open_model):
    page = open_model("entities")
    text = page.get_by_label("Text", exact=True)
    text.fill("مرحبا Ann")
    compute(page)
    inside = page.locator(".marked-text").bounding_box()
    mark = page.locator(".marked-text mark").first.bounding_box()
    assert inside["x"] + inside["width"] - mark["x"] - mark["width"] < 60  # it begins at the right


# Question answering


def test_answer_is_marked_in_its_context(open_model, site):
    page = open_model("answers")
    page.get_by_label("Question", exact=True).fill("Where do I live?")
    page.get_by_label("Context", exact=True).fill(EMOJI)
    compute(page)
    inputs = {"question": "Where do I live?", "context": EMOJI}
    reply = post(site, "/models/acme/answers", {"inputs": inputs})
    assert reply["end"] > reply["start"] > 0
    context = page.get_by_role("region", name="Answer in its context")
    expect(context).to_have_text(EMOJI)
    assert context.locator("mark").inner_text() == EMOJI[reply["start"]:reply["end"]]
    assert shown_scores(page) == [(reply["answer"], reply["score"])]
    page.get_by_text("Parameters", exact=True).click()
    page.get_by_label("Top k").fill("3")
    assert sent_by(page, site, "answers") == {"inputs": inputs, "parameters": {"top_k": 3}}
    expect(page.locator(".bars").get_by_role("radio")).to_have_count(3)
    page.locator(".bars").get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    second = post(site, "/models/acme/answers", {"inputs": inputs, "parameters": {"top_k": 3}})[1]
    assert context.locator("mark").inner_text() == EMOJI[second["start"]:second["end"]]


def test_only_models_that_read_pages_take_places_of_words(open_model):
    page = open_model("boxes")
    page.get_by_text("More inputs").click()
    expect(page.get_by_label("Boxes")).to_be_visible()
    expect(page.get_by_text("Paths")).to_have_count(0)
    for name in ("answers", "classify", "entities"):
        page = open_model(name)
        expect(page.get_by_text("More inputs")).to_have_count(0)
        expect(page.get_by_text("Boxes")).to_have_count(0)


def test_context_without_an_answer(open_model, site):
    page = open_model("answers")
    mock(page, site, "answers", {"answer": "", "score": 0.9, "start": 0, "end": 0})
    compute(page)
    assert shown_scores(page) == [("No answer in this context", 0.9)]
    expect(page.locator(".marked-text mark")).to_have_count(0)


# Table question answering


def cells_of(table):
    return [[cell.input_value() for cell in row.locator("textarea").all()] for row in table.locator("tr").all()[1:]]


def test_table_is_edited_in_place(open_model, site):
    page = open_model("tables")
    table = page.get_by_role("table", name="Table", exact=True)
    assert cells_of(table)[:2] == [["Repository", "Stars"], ["Transformers", "36542"]]
    table.get_by_label("Name of column 2").fill("Forks")
    page.keyboard.press("Enter")
    expect(table.get_by_label("Forks, row 1")).to_be_focused()
    page.keyboard.type("7")  # behind what is there
    page.keyboard.press("Tab")
    expect(table.get_by_label("Repository, row 2")).to_be_focused()
    for key in ("ArrowDown", "End", "ArrowRight"):
        page.keyboard.press(key)
    expect(table.get_by_label("Forks, row 3")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("12")
    page.get_by_role("button", name="Add column").click()
    page.keyboard.type("Language")
    table.get_by_label("Language, row 1").fill("Rust")
    for key in ("ArrowLeft", "ArrowRight", "End", "ArrowRight"):
        page.keyboard.press(key)
    expect(table.get_by_label("Remove row 1")).to_be_focused()
    table.get_by_label("Remove row 2").click()
    page.get_by_role("button", name="Add row").click()  # stays empty: not sent
    table.get_by_label("Remove Repository").click()
    assert cells_of(table) == [["Forks", "Language"], ["365427", "Rust"], ["3934", ""], ["12", ""], ["", ""]]
    page.get_by_label("Question", exact=True).fill("Which one?")
    assert sent_by(page, site, "tables") == {"inputs": {
        "query": "Which one?", "table": {"Forks": ["365427", "3934", "12"], "Language": ["Rust", "", ""]}}}


def paste(target, text):
    target.evaluate("""(node, text) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text", text);
        node.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
    }""", text)


def test_columns_that_are_named_by_numbers_keep_their_places(open_model, site):
    page = open_model("tables")
    page.get_by_label("Name of column 2").fill("2019")
    with page.expect_request(endpoint(site, "tables")) as sent:
        compute(page)
    assert list(json.loads(sent.value.post_data)["inputs"]["table"]) == ["Repository", "2019"]
    assert page.locator(".marked-table th").all_inner_texts() == ["Repository", "2019"]
    for language in ("curl", "Python"):
        code = deploy_code(page, language)
        assert code.index('"Repository"') < code.index('"2019"')


def test_cells_of_a_spreadsheet_are_pasted(open_model):
    page = open_model("tables")
    page.expects_errors = True
    page.get_by_role("button", name="Clear").click()
    table = page.get_by_role("table", name="Table", exact=True)
    assert cells_of(table) == [["", ""]] * 3
    paste(table.get_by_label("Name of column 1"), 'Who\tAge\tSaid\r\nAnn\t41\t"a ""b""\n\tc"\r\nBo\t\t"x" y\r\n')
    assert cells_of(table) == [["Who", "Age", "Said"], ["Ann", "41", 'a "b"\n\tc'], ["Bo", "", '"x" y']]
    paste(table.get_by_label("Age, row 2"), "5\t6\t7\n8")
    assert cells_of(table)[2:] == [["Bo", "5", "6", "7"], ["", "8", "", ""]]
    for name in ("Who", ""):
        table.get_by_label("Name of column 4").fill(name)
        page.get_by_role("button", name="Compute", exact=True).click()
        expect(page.get_by_role("alert").filter(has_text="the name 'Who'")).to_have_count(1 if name else 0)


def test_answer_is_marked_in_its_table(open_model, site):
    inputs = {"query": "How many stars?", "table": {"Name": [f"r{i}" for i in range(40)], "Stars": list(range(40))}}
    page = open_model("tables", [{**inputs, "example_title": "Many"}])
    answer = {"answer": "SUM > 2, 30", "coordinates": [[2, 1], [30, 1]], "cells": ["2", "30"], "aggregator": "SUM"}
    mock(page, site, "tables", answer)
    compute(page)
    result = page.get_by_role("region", name="Answer in its table")
    assert result.locator("mark").all_inner_texts() == answer["cells"]
    marked = result.locator("tbody tr").filter(has=page.locator("mark")).all_inner_texts()
    assert marked == ["r2\t2", "r30\t30"]
    assert page.locator(".table-answer").all_inner_texts() == ["SUM\n2, 30"]
    assert reply_json(page) == answer


def test_table_of_the_example_is_answered(open_model, site):
    page = open_model("tables")
    body = sent_by(page, site, "tables")
    reply = post(site, "/models/acme/tables", body)
    result = page.get_by_role("region", name="Answer in its table")
    rows = [row.locator("td").all_inner_texts() for row in result.locator("tbody tr").all()]
    assert [rows[y][x] for y, x in reply["coordinates"]] == reply["cells"]
    assert result.locator("mark").count() == len(reply["cells"])
    badges = [reply["aggregator"]] if reply["aggregator"] != "NONE" else []
    assert page.locator(".table-answer .chip").all_inner_texts() == badges
    assert reply_json(page) == reply


def test_table_without_an_answer(open_model, site):
    page = open_model("tables")
    for aggregator, answer in (("NONE", ""), ("SUM", "SUM > ")):
        mock(page, site, "tables", {"answer": answer, "coordinates": [], "cells": [], "aggregator": aggregator})
        compute(page)
        assert page.locator(".table-answer").all_inner_texts() == ["No answer in this table"]
        expect(page.locator(".marked-table mark")).to_have_count(0)


# Zero-shot classification


def chips(page):
    return page.get_by_role("list", name="Candidate labels").get_by_role("listitem").all_inner_texts()


def test_candidate_labels_are_chips(open_model, site):
    page = open_model("zero")
    assert chips(page) == ["urgent", "not urgent", "phone", "tablet", "computer"]
    page.get_by_role("button", name="Remove urgent", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Remove not urgent")).to_be_focused()
    field = page.get_by_label("Candidate labels").and_(page.get_by_role("textbox"))
    field.focus()
    page.keyboard.press("Backspace")
    page.keyboard.type("it's new, phone,billing")
    page.keyboard.press("Enter")
    assert chips(page) == ["not urgent", "phone", "tablet", "it's new", "billing"]
    page.keyboard.type("left standing")
    page.get_by_label("Several labels may be true").check()
    page.get_by_label("Text", exact=True).fill("My phone is broken")
    parameters = {"candidate_labels": ["not urgent", "phone", "tablet", "it's new", "billing", "left standing"],
                  "multi_label": True}
    body = {"inputs": "My phone is broken", "parameters": parameters}
    assert sent_by(page, site, "zero") == body
    assert shown_scores(page) == [(item["label"], item["score"]) for item in post(site, "/models/acme/zero", body)]


def test_missing_labels_are_an_error_on_the_page(open_model):
    page = open_model("zero")
    page.expects_errors = True
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Text", exact=True).fill("text")
    compute(page)
    expect(page.get_by_role("alert")).to_contain_text("candidate_labels")


# Text ranking


def test_passages_are_ranked_cards(open_model, site):
    page = open_model("rank")
    page.get_by_label("Query").fill("what is it")
    page.get_by_role("button", name="Add passage").click()
    page.keyboard.type("a third one")
    compute(page)
    texts = ["Deep Learning is not...", "Deep learning is...", "a third one"]
    reply = post(site, "/models/acme/rank", {"inputs": {"query": "what is it", "texts": texts}})
    cards = page.get_by_role("list", name="Passages, best first").get_by_role("listitem")
    assert [int(card.get_attribute("data-index")) for card in cards.all()] == [item["index"] for item in reply]
    assert [float(card.get_attribute("data-score")) for card in cards.all()] == [item["score"] for item in reply]
    assert cards.first.locator(".passage-text").inner_text() == texts[reply[0]["index"]]


# Examples


ENTRIES = {
    "fill": {"text": "Rome is <mask>."},
    "classify": {"text": "I like it"},
    "entities": {"text": "Ann lives in Rome"},
    "answers": {"text": "Who?", "context": "Ann did."},
    "zero": {"text": "Fix it", "candidate_labels": "now, later", "multi_class": True},
    "rank": {"source_sentence": "Where?", "sentences": ["Here.", "There."]},
    "tables": {"text": "How old?", "table": [{"Who": "Ann", "Age": 41}, {"Who": "Bo", "Town": None}]},
}
FILLED = {
    "fill": {"inputs": "Rome is [MASK]."},
    "classify": {"inputs": "I like it"},
    "entities": {"inputs": "Ann lives in Rome"},
    "answers": {"inputs": {"question": "Who?", "context": "Ann did."}},
    "zero": {"inputs": "Fix it", "parameters": {"candidate_labels": ["now", "later"], "multi_label": True}},
    "rank": {"inputs": {"query": "Where?", "texts": ["Here.", "There."]}},
    "tables": {"inputs": {"query": "How old?", "table": {"Who": ["Ann", "Bo"], "Age": ["41", ""], "Town": ["", ""]}}},
}
STRANGE = [{"text": "?", "table": {"a": [["1"]]}}, {"text": 7}, {"text": "?", "table": {"a": "1"}},
           {"src": "https://other.invalid/a.png"}, None, "text"]


@pytest.mark.parametrize("name", ENTRIES)
def test_only_examples_that_fit_are_offered(open_model, site, name):
    others = [entry for other, entry in ENTRIES.items() if set(entry) != set(ENTRIES[name])]
    unmasked = [{"text": "no mask here"}] if name == "fill" else []
    entries = [*STRANGE, *others, *unmasked, {**ENTRIES[name], "example_title": "One"},
               {**ENTRIES[name], "example_title": "Two"}]
    page = open_model(name, entries)
    assert page.get_by_label("Examples").locator("option").all_inner_texts() == ["One", "Two"]
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Examples").select_option("Two")
    assert sent_by(page, site, name) == FILLED[name]


# Deploy

INPUTS = {
    "fill": {"inputs": "[MASK] " + AWKWARD, "parameters": {"top_k": 2}},
    "classify": {"inputs": AWKWARD, "parameters": {"top_k": 2}},
    "entities": {"inputs": AWKWARD, "parameters": {"ignore_labels": ["O", "it's"]}},
    "answers": {"inputs": {"question": "it's \\ \"who\"?", "context": AWKWARD}, "parameters": {"max_answer_len": 4}},
    "zero": {"inputs": AWKWARD, "parameters": {"candidate_labels": ["it's", 'a "b"', "\\", "$x"], "multi_label": True}},
    "tables": {"inputs": {"query": AWKWARD, "table": {"it's": ["1", '"b"'], "\\": ["$x", "12"]}},
               "parameters": {"sequential": True}},
    "rank": {"inputs": {"query": AWKWARD, "texts": [AWKWARD, "two\nlines", "'''"]}, "parameters": {"top_k": 2}},
}


def open_with(open_model, name):
    """The page with INPUTS in its form, which come as the card's example."""
    inputs = INPUTS[name]["inputs"]
    entry = inputs if isinstance(inputs, dict) else {"text": inputs}
    return open_model(name, [{**entry, "parameters": INPUTS[name]["parameters"]}])


def same(found, expected):
    """Equal but for the last digits of numbers; clients add fields that are not set."""
    if isinstance(expected, dict):
        return all(same(found[key], value) for key, value in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return found == (pytest.approx(expected, abs=1e-6) if isinstance(expected, float) else expected)


def expected_reply(site, name, of_client):
    reply = post(site, "/models/acme/" + name, INPUTS[name])
    return reply[0] if name == "classify" and of_client else reply  # clients take the one text's classes


@pytest.mark.parametrize("name", INPUTS)
def test_curl_code_runs_as_shown(open_model, site, name):
    code = deploy_code(open_with(open_model, name), "curl")
    assert same(json.loads(run(["sh", "-c", code])), expected_reply(site, name, False))


@pytest.mark.parametrize("name", INPUTS)
def test_python_code_runs_as_shown(open_model, site, name):
    code = deploy_code(open_with(open_model, name), "Python")
    assert ("InferenceClient" in code) == (name != "rank")
    shown = run([sys.executable, "-c", code + "\nimport json\nprint(json.dumps(output))"])
    assert same(json.loads(shown.splitlines()[-1]), expected_reply(site, name, name != "rank"))


@pytest.mark.parametrize("name", INPUTS)
def test_javascript_code_runs_as_shown(open_model, site, name, tmp_path):
    modules = os.environ.get("NODE_PATH")
    if not modules:
        pytest.skip("NODE_PATH does not say where @huggingface/inference is")
    code = deploy_code(open_with(open_model, name), "JavaScript")
    assert ("InferenceClient" in code) == (name != "rank")
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "example.mjs").write_text(code + "\nconsole.log(JSON.stringify(output));\n")
    shown = run(["node", "example.mjs"], cwd=tmp_path)
    assert same(json.loads(shown.splitlines()[-1]), expected_reply(site, name, name != "rank"))


def test_code_without_a_client_sends_a_token(open_model):
    page = open_model("rank")
    for language, sign in (("Python", 'os.environ["HF_TOKEN"]'), ("JavaScript", "process.env.HF_TOKEN")):
        assert "HF_TOKEN" not in deploy_code(page, language)
        page.get_by_role("checkbox").check()
        assert sign in deploy_code(page, language)
        page.get_by_role("checkbox").uncheck()


# Keyboard and phone


@pytest.mark.parametrize("name", ENTRIES)
def test_widget_works_by_keyboard_alone(open_model, name):
    page = open_model(name)
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("[document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]")
        if focused[0] == "compute":
            break
    assert focused == ["compute", "solid"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Result")).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "tab-result":
            break
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("JSON of the reply")).to_be_visible()


@pytest.mark.parametrize("name", ENTRIES)
def test_widget_fits_on_a_phone(open_model, name):
    page = open_model(name, **PHONE)
    compute(page)
    assert without_sideways_scroll(page)
    page.get_by_text("Parameters", exact=True).click()
    assert without_sideways_scroll(page)


@pytest.mark.parametrize("name", ["classify", "entities", "answers", "rank"])
def test_a_text_without_spaces_fits_on_a_phone(open_model, name):
    page = open_model(name, **PHONE)
    for box in page.locator(".fields textarea:visible").all():
        box.fill("ACGT" * 500)
    compute(page)
    assert without_sideways_scroll(page)
    assert page.locator(".widget").evaluate("w => w.scrollWidth <= w.clientWidth")


def test_copy_button_leaves_the_code_free_on_phones(open_model):
    page = open_model("fill", **PHONE)
    deploy_code(page, "curl")
    for block in page.locator(".code-block:visible").all():
        tools = block.locator(".code-tools").bounding_box()
        code = block.locator("pre").bounding_box()
        assert tools["y"] + tools["height"] <= code["y"] + 1
    expect(page.locator(".code-block:visible")).to_have_count(2)  # the card's and the dialog's
