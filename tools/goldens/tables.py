#!/usr/bin/env python3
"""Write tests/goldens/tables/: small random TAPAS models as published, and for each cases.json with
tables and questions as its tokenizer makes ids and token types of them, and the logits; and
tests/goldens/tasks/table-question-answering.json with the replies of the pipeline.

usage: tools/goldens/tables.py      needs pandas

"rows" of a case: the headers, then the rows. "kinds" has the seven types of each token.
"""

import functools

from reference import GOLDENS, numpy, torch, transformers, versions, write_rows
from tiny_folders import random_tensor, save_file, write_json

import pandas
from transformers import TapasConfig, TapasForQuestionAnswering, TapasTokenizer

OUT = GOLDENS / "tables"
SPECIAL = ["[PAD]", "[EMPTY]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = """how many stars does the repository have what is name of and total average age count date
number sum actor film may june january february december first second one two three km eur usd
transformers tokenizers data ##sets python rust c a b d e f g h i j k l m n o p q r s t u v w x y z
""".split() + [str(i) for i in range(10)] + ["19", "20", "200"] + ["##" + str(i) for i in range(10)] \
    + ["##" + c for c in "abcdefghijklmnopqrstuvwxyz"] + list(".,-/$%()?+:'") \
    + ["\u4e2d", "\u65e5", "\u00e9", "##\u00e9", "\u03c3", "##\u03c2", "##\u03c3", "\u03bf", "##\u03bf",
       "\u03b4", "##\u03b4", "How", "Name", "##\u0301"]
SIZES = {"hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 28, "max_position_embeddings": 90, "layer_norm_eps": 1e-4,
         "type_vocab_sizes": [3, 12, 70, 2, 70, 66, 10]}
AGGREGATIONS = {0: "NONE", 1: "SUM", 2: "AVERAGE", 3: "COUNT"}
MODELS = {  # name: configuration, tokenizer_config.json, more of the vocabulary
    "wtq": ({"num_aggregation_labels": 4, "aggregation_labels": AGGREGATIONS,
             "no_aggregation_label_index": 0, "temperature": 0.35, "max_num_rows": 6,
             "max_num_columns": 4, "average_logits_per_cell": True},
            {"model_max_length": 80, "additional_special_tokens": ["[EMPTY]"]}, []),
    "sqa": ({"reset_position_index_per_cell": False}, {"model_max_length": 72}, []),
    "wikisql": ({"num_aggregation_labels": 3, "aggregation_labels": {
                    0: "COUNT", 1: "Summe \u00fc", 2: "NONE"}},
                {"model_max_length": 64, "do_lower_case": False, "cell_trim_length": 3,
                 "max_row_id": 9, "tokenize_chinese_chars": False}, ["\u4e2d\u65e5"]),
    "nothing": ({"allow_empty_column_selection": True, "num_aggregation_labels": 2},
                {"model_max_length": 85, "strip_column_names": True, "strip_accents": False, "never_split": ["N/A-x"],
                 "empty_token": "[NO]", "additional_special_tokens": ["[NO]", "[EMPTY]"],
                 "added_tokens_decoder": {"%d" % (len(SPECIAL) + 1 + len(WORDS)): {
                     "content": "[NEW]", "special": False, "normalized": True, "lstrip": False,
                     "rstrip": False, "single_word": False}}}, ["[NO]"]),
    "tokens": ({"select_one_column": False}, {"model_max_length": 60}, []),
    "averages": ({"select_one_column": False, "average_logits_per_cell": True},
                 {"model_max_length": 60}, []),
}

REPOSITORIES = [["Repository", "Stars", "Contributors", "Programming language"],
                ["Transformers", "36542", "651", "Python"], ["Datasets", "4512", "77", "Python"],
                ["Tokenizers", "3,934", "34", "Rust, Python and NodeJS"]]
DATES = [["Name", "Date", "Km", "May 1999"],
         ["caf\u00e9", "7 February 1967", "-12.5 km", "one"], ["", "10 June 1996", "1,200 km", "two"],
         ["N/A-x \u4e2d\u65e5", "28 November 1967", "n/a", "10th"], ["n/a", "June 1996", "$45", "?"],
         ["\u039f\u0394\u039f\u03a3 a", "1996-12-31", "-7", "2000s"]]
SAME = [["a", "b"], ["1", "x"], ["1", "1"], ["2.0", "y z"], ["2", "january 5"], [".5", "+3"],
        ["1e1", "[NEW]a"], ["[SEP]", "3%"]]
LONG = [["Name", "Number", "c"]] + [["row %d" % i, str(i * i % 7), "total of the film"] for i in range(40)]
WIDE = [["c%d" % i for i in range(7)], ["%d" % (i * 3) for i in range(7)],
        ["%d km" % (i % 2) for i in range(7)]]
WORDY = [["Name"], ["how many stars does the repository have what is the name of and total"],
         ["internationalization internationalization"], ["one"]]
ODD = [["", " ", "?"], ["\u0663\u0664", "nan", "\u200b"], ["\U0001f600", "__", "x" * 101],
       ["May 5, 1999", "5.5.1999", "Monday, may 5"], ["0", "-0", "00"]]
SMALL = [["Name", "Stars"], ["a", "3"], ["b c", "12"], ["data", "-7 km"], ["", "3"]]
TABLES = [REPOSITORIES, DATES, SAME, LONG, WIDE, WORDY, ODD]
QUESTIONS = ["How many stars does the transformers repository have?",
             "total of -12.5 and 1,200 km in june 1996?", "x", "1996 or 1967 or 2 january 5?",
             "what is the name of 36542"]


def vocabulary(more):
    return list(dict.fromkeys(SPECIAL + more + WORDS))


def random_weights(case, model):
    return {n: random_tensor(case, n, tuple(t.shape) or (1,)).reshape(t.shape).half()
            for n, t in model.state_dict().items() if t.is_floating_point()}


def survey(model, tokenizer):
    """Logits that count, the columns they are of, and the scores of aggregations."""
    values, columns, aggregations = [], [], []
    for table in TABLES:
        inputs = tokenizer(frame(table), QUESTIONS[0], truncation="drop_rows_to_fit",
                           return_tensors="pt")
        found, aggregation = logits(model, dict(inputs))
        chosen = [(v, k[1]) for v, k in zip(found.tolist(), inputs["token_type_ids"][0].tolist())
                  if v > -5000 and k[0] and k[2]]
        values += [v for v, _ in chosen]
        columns += [max([c for _, c in chosen], default=0)]
        aggregations += [] if aggregation is None else [aggregation[0]]
    return values, set(columns), aggregations


def widest_gap(values):
    """The middle of the widest gap in the middle third: no cell comes near to the threshold."""
    n = len(values)
    k = max(range(n // 3, 2 * n // 3), key=lambda i: values[i + 1] - values[i])
    return (values[k] + values[k + 1]) / 2


def balanced_state(name, config, tokenizer):
    """Random weights with which some cells are selected and some are not, in several columns."""
    model = TapasForQuestionAnswering(config).eval()
    for attempt in range(100):
        state = random_weights("tables/%s/%d" % (name, attempt), model)
        model.load_state_dict(state, strict=False)
        values, columns, aggregations = survey(model, tokenizer)
        if len(columns) < 3 or (config.allow_empty_column_selection and 0 not in columns):
            continue
        middle = widest_gap(sorted(set(values))) * config.temperature
        state["output_bias"] = (state["output_bias"].float() - middle).half()
        if aggregations:
            mean = torch.stack(aggregations).mean(0)
            state["aggregation_classifier.bias"] = (
                state["aggregation_classifier.bias"].float() - mean).half()
        return state
    raise SystemExit("no balanced weights for " + name)


def write_model(name):
    settings, tokenizer_config, more = MODELS[name]
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary(more)
    size = len(tokens) + len(tokenizer_config.get("added_tokens_decoder", {}))
    config = TapasConfig(vocab_size=size, **SIZES, **settings)
    write_json(folder / "tokenizer_config.json",
               {"tokenizer_class": "TapasTokenizer", **tokenizer_config})
    (folder / "vocab.txt").write_text("".join(t + "\n" for t in tokens), encoding="utf-8")
    state = balanced_state(name, config, TapasTokenizer.from_pretrained(str(folder)))
    save_file(state, folder / "model.safetensors")
    published = config.to_diff_dict()
    published.update(architectures=["TapasForQuestionAnswering"], torch_dtype="float16",
                     type_vocab_sizes=SIZES["type_vocab_sizes"])
    published.pop("dtype", None)
    write_json(folder / "config.json", published)


def frame(rows):
    return pandas.DataFrame(rows[1:], columns=rows[0], dtype=object)


@functools.cache
def load(name):
    folder = str(OUT / name)
    return (TapasTokenizer.from_pretrained(folder),
            TapasForQuestionAnswering.from_pretrained(folder, dtype=torch.float32).eval())


def logits(model, inputs):
    """Where answers are of several columns, the reference answers in training only: with labels."""
    if not model.config.select_one_column:
        inputs = {**inputs, "labels": torch.zeros(inputs["input_ids"].shape)}
    with torch.no_grad():
        found = model(**inputs)
    return found.logits[0], found.logits_aggregation


def clear(values, kinds):
    """Whether no cell is so near to the threshold that rounding decides."""
    return all(abs(v) > 2e-3 for v, k in zip(values, kinds) if k[0] and k[1] and k[2])


def write_cases(name):
    tokenizer, model = load(name)
    rows = []
    for i, table in enumerate(TABLES):
        for j, question in enumerate(QUESTIONS):
            if (i + j) % 2 and table is not REPOSITORIES:
                continue
            inputs = tokenizer(frame(table), question, truncation="drop_rows_to_fit",
                               return_tensors="pt")
            kinds = inputs["token_type_ids"][0].tolist()
            assert len(kinds) <= tokenizer.model_max_length
            values, aggregation = logits(model, dict(inputs))
            rows.append({"rows": table, "question": question,
                         "ids": inputs["input_ids"][0].tolist(), "kinds": kinds,
                         "logits": [round(v, 6) for v in values.tolist()],
                         "aggregation": [] if aggregation is None or name == "nothing" else
                         [round(v, 6) for v in aggregation[0].tolist()]})
    write_rows(OUT / name / "cases.json", {"versions": versions(), "tolerance": 1e-4}, "cases", rows)


# --- numbers and dates ---

VALUES = """|1|-1|+5|a -5|a-5|- 5|1,000|1,00|1,2345|12,345,678.90|.5|5.|1.2.3|1e5|1e|e5|1e999|0x10|1_000|inf
nan|infinity|1st|2nd th|10th|twelfth|zero one two|first second|seconds|ninety|$45|45%|(3)|3km|3 km|v2.0|10-20|-10-20
1/2/1999|5:30|1999|1700|1699|2016|2017|1990s|1690s|19990|may|May 5|may 05|may 32|may 0|5 may|05 May 1999|5 May 99
Sept 5, 1999|Sep 5, 1999|sep 5 ,1999|September 1999|sep 1999|february 29|February 29, 1904|February 29 1904
29 february 1900|February 29, 2000|30 feb 2000|feb 28|12-31-1999|31-12-1999|1999-12-31|1999-13-01|1999-1-1|1999-12
1999-00|5.5.1999|31.04.1999|5.5.99|Monday, may 5|tues, may 5|Friday,  June 30|friday, jun 31|on May 5, 1999 at noon
May 5, 1999 and June 6, 2001|between 1996 and 2004|june 1 2 3|4 july 4|1999-12-31-5|the 1st of may|may 1st|MAY
one 1 1.0|1 000|1\u00a0000|\u0663\u0664|\u0661\u0669\u0669\u0669|\uff11\uff12,\uff13\uff14\uff15|1\u0669 may|\u0669 may
\u00b2|x\u00b2|\u2167|\u00bd|\u4e00|5\u4e00|caf\u00e9 5|\u0130 5|\u03a3 5|-\u0665|\u22125|1\u200b2|\ta\u2028 7\x1c8
--5|-.5|-5.|+-5|5-|5,|,5|5,,5|1,000,|1,000,00|5e3th|3rd 4TH|11TH|st|nd|a5b|5a 6|1e-5|00012|-0|99999999999999999999
january 5, 1999|jan. 5|dec 25, 2016|dec 25, 2017|dec 25 2016|aug|aug 7|7 aug|7 august|7august|august7|marchmay|march may
1999s|1999 s|2000 - 2001|2000-2001|2000-02|3.14159|1.000.000|1 2 3 4 5 6 7|may may may|10.10.2010|10.10.2010.5"""


def write_values():
    """parse_text() of the tokenizer: for each text its values, a number or [year, month, day]."""
    from transformers.models.tapas.tokenization_tapas import normalize_for_match, parse_text
    rows = []
    for text in VALUES.replace("\n", "|").split("|"):
        values = []
        for span in parse_text(normalize_for_match(text)):
            for value in span.values:
                date = value.date
                values.append(value.float_value if date is None else
                              [date.year or -1, date.month or -1, date.day or -1])
        rows.append({"text": text, "values": values})
    write_rows(OUT / "values.json", {"versions": versions()}, "cases", rows)


# --- the pipeline ---

def columns(rows):
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def reply_of(answer):
    """In the shape of the wire."""
    if isinstance(answer, list):
        return [reply_of(a) for a in answer]
    return {"answer": answer["answer"], "coordinates": [list(c) for c in answer["coordinates"]],
            "cells": answer["cells"], "aggregator": answer.get("aggregator", "NONE")}


def is_clear(name, table, queries):
    tokenizer, model = load(name)
    for query in queries:
        inputs = tokenizer(frame(table), query, truncation="drop_rows_to_fit", return_tensors="pt")
        values, _ = logits(model, dict(inputs))
        if not clear(values.tolist(), inputs["token_type_ids"][0].tolist()):
            return False
    return True


def request(name, inputs, parameters=None):
    tokenizer, model = load(name)
    ask = transformers.pipeline("table-question-answering", model=model, tokenizer=tokenizer,
                                device="cpu")
    asked = [{"table": frame(i["table"]) if isinstance(i["table"], list) else i["table"],
              "query": list(i["query"]) if isinstance(i["query"], list) else i["query"]}
             for i in inputs]
    for i in inputs:
        queries = i["query"] if isinstance(i["query"], list) else [i["query"]]
        if not is_clear(name, i["table"], queries):
            raise SystemExit("%s: a cell of %s is too near to the threshold" % (name, queries))
    found = ask(asked, **(parameters or {}))
    sent = [{"query": i["query"], "table": columns(i["table"])} for i in inputs]
    body = {"inputs": sent[0] if len(sent) == 1 else sent}
    if parameters:
        body["parameters"] = parameters
    return {"model": "tables/" + name, "body": body, "reply": reply_of(found)}


def refused(inputs, words, parameters=None, name="wtq"):
    body = {"inputs": inputs} if inputs is not None else {}
    if parameters:
        body["parameters"] = parameters
    return {"model": "tables/" + name, "body": body, "error": words}


def requests():
    for name in ("wtq", "sqa", "wikisql", "nothing"):
        for i, table in enumerate(TABLES):
            if len(set(table[0])) == len(table[0]):
                yield request(name, [{"query": QUESTIONS[i % len(QUESTIONS)], "table": table}])
    talk = ["what is the name of 36542", "How many stars?", "total", "x and 77 or 34?"]
    for name in ("wtq", "sqa", "wikisql"):
        for table in (SMALL, SMALL[:1] + SMALL[2:]):  # none loses rows: the reference would fail
            yield request(name, [{"query": talk[:3], "table": table}], {"sequential": True})
    yield request("sqa", [{"query": talk, "table": REPOSITORIES}])
    yield request("wtq", [{"query": talk[0], "table": REPOSITORIES}], {"sequential": True})
    yield request("wtq", [{"query": talk[:2], "table": REPOSITORIES},
                          {"query": "x", "table": SAME}], {"padding": "longest"})
    yield request("wtq", [{"query": [talk[1]], "table": SAME}], {"truncation": False})
    one = {"Name": ["Ada", "b"], "Age": ["36", "5"]}
    yield refused({"query": "x", "table": {"Name": ["a", "b"], "Age": ["1"]}}, "Age' has 1 cells")
    yield refused({"query": "x", "table": {}}, "table' is empty")
    yield refused({"query": "x", "table": {"Name": []}}, "table' is empty")
    yield refused({"query": "x", "table": []}, "table' is empty")
    yield refused({"query": "", "table": one}, "query' is empty")
    yield refused({"query": [], "table": one}, "query' is an empty list")
    yield refused({"table": one}, "query' is required")
    yield refused({"query": "x"}, "table' is required")
    yield refused([], "'inputs' is an empty list")
    yield refused({"query": 5, "table": one}, "query' must be a string")
    yield refused({"query": "x", "table": "Name"}, "table' must be an object")
    yield refused({"query": "x", "table": {"Name": "Ada"}}, "Name' must be an array of cells")
    yield refused({"query": "x", "table": {"Name": [["Ada"]]}}, "Name[0]' must be a string")
    yield refused({"query": "x", "table": [{"Name": {}}]}, "Name' must be a string")
    yield refused({"query": "x", "table": ["Ada"]}, "table[0]' must be an object")
    yield refused({"query": "x", "table": one}, "one of 'do_not_truncate'", {"truncation": "longest"})
    yield refused({"query": "x", "table": columns(LONG)}, "at most 80 tokens", {"truncation": False})
    yield refused({"query": "x " * 90, "table": one}, "the question has 90 tokens")
    yield refused({"query": "x " * 76, "table": one}, "no room for a row")
    yield refused({"query": "x", "table": {"c%d" % i: ["1"] for i in range(12)}}, "at most 11")


def main():
    for name in MODELS:
        write_model(name)
        write_cases(name)
    write_values()
    rows = list(requests())
    write_rows(GOLDENS / "tasks" / "table-question-answering.json",
               {"versions": versions(), "tolerance": 1e-4}, "cases", rows)


numpy.random.seed(0)
main()
