#!/usr/bin/env python3
"""Write tests/goldens/tasks/: request bodies and the replies that the pipelines of transformers
give, shaped as the wire contract says; and the small random models that they ask.

usage: tools/goldens/tasks.py [TASK...]     default: all that this version of transformers has

One file a task: "cases" with "model" (a folder of tests/goldens/),
"body" and "reply", or "error" (words of the message) where the request is refused. Numbers are
within "tolerance". question-answering needs transformers 4 (4.57 was used), the last that has it;
the models are written with transformers 5.
"""

import contextlib
import functools
import json
import pathlib
import re
import sys

from reference import GOLDENS, torch, transformers, write_rows
from texts import SENTENCES
from tiny_folders import write_transformer
from tiny_tokenizers import (bert_tokenizer, qwen_tokenizer, roberta_tokenizer,
                             xlm_roberta_tokenizer)
from pieces import RESIDUES, word_files
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (BartConfig, BertConfig, BigBirdConfig, CanineConfig, DistilBertConfig,
                          EsmConfig, FlaubertConfig, FunnelConfig, LayoutLMConfig, LiltConfig,
                          LongformerConfig, MarkupLMConfig, MobileBertConfig, Qwen3Config,
                          RobertaConfig, XLMConfig, XLMRobertaConfig, XLNetConfig, XmodConfig,
                          pipeline)

OUT = GOLDENS / "tasks"
SIZES = {"hidden_size": 28, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 44, "max_position_embeddings": 66, "layer_norm_eps": 1e-4}
AFTER_PADDING = {**SIZES, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
                 "type_vocab_size": 1}
BERT = functools.partial(BertConfig, **SIZES)
ROBERTA = functools.partial(RobertaConfig, **AFTER_PADDING)
DISTILBERT = functools.partial(DistilBertConfig, dim=28, n_layers=2, n_heads=4, hidden_dim=44,
                               max_position_embeddings=66)
LAYOUTLM = functools.partial(LayoutLMConfig, **{**SIZES, "hidden_size": 8})
LILT = functools.partial(LiltConfig, **{**AFTER_PADDING, "hidden_size": 24,
                                        "num_attention_heads": 3})
XLM_ROBERTA = functools.partial(XLMRobertaConfig, **AFTER_PADDING)
BART = functools.partial(BartConfig, d_model=28, encoder_layers=1, decoder_layers=2,
                         encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=36,
                         decoder_ffn_dim=44, max_position_embeddings=66)
# A text ends with its padding token, as those of Qwen3-Reranker do.
QWEN3 = functools.partial(Qwen3Config, hidden_size=28, num_hidden_layers=2, num_attention_heads=4,
                          num_key_value_heads=2, head_dim=8, intermediate_size=44,
                          max_position_embeddings=66,
                          pad_token_id=qwen_tokenizer()[0].token_to_id("<|endoftext|>"))


# Families that compute in a way of their own.
BIG_BIRD = functools.partial(BigBirdConfig, **{**SIZES, "hidden_size": 24}, block_size=4,
                             num_random_blocks=1, bos_token_id=0, eos_token_id=2, sep_token_id=2)
CANINE = functools.partial(CanineConfig, **{**SIZES, "hidden_size": 24, "num_hidden_layers": 1},
                           num_hash_functions=2, num_hash_buckets=71, local_transformer_stride=16,
                           type_vocab_size=2)
ESM = functools.partial(EsmConfig, **{**AFTER_PADDING, "hidden_size": 24}, mask_token_id=32,
                        position_embedding_type="rotary", token_dropout=True)
FUNNEL = functools.partial(FunnelConfig, block_sizes=[1, 1], num_decoder_layers=1, d_model=24,
                           n_head=4, d_head=6, d_inner=36)
LONGFORMER = functools.partial(LongformerConfig, **{**AFTER_PADDING, "hidden_size": 24},
                               attention_window=8, sep_token_id=2)
MARKUPLM = functools.partial(MarkupLMConfig, **{**AFTER_PADDING, "hidden_size": 24}, max_depth=4,
                             xpath_unit_hidden_size=5, max_xpath_tag_unit_embeddings=9,
                             max_xpath_subs_unit_embeddings=13, tag_pad_id=8, subs_pad_id=12)
MOBILEBERT = functools.partial(MobileBertConfig, **{**SIZES, "hidden_size": 24}, embedding_size=12,
                               intra_bottleneck_size=16, num_feedforward_networks=2,
                               normalization_type="layer_norm")
XMOD = functools.partial(XmodConfig, **{**AFTER_PADDING, "hidden_size": 24},
                         languages=["en_XX", "de_DE", "zh_CN"])
XLNET = functools.partial(XLNetConfig, d_model=24, n_layer=2, n_head=3, d_inner=44)
XLM = functools.partial(XLMConfig, emb_dim=24, n_layers=2, n_heads=3, max_position_embeddings=66,
                        n_langs=2)
FLAUBERT = functools.partial(FlaubertConfig, emb_dim=24, n_layers=2, n_heads=3,
                             max_position_embeddings=66)
LATIN = [*SENTENCES, "L'\u00e9t\u00e9, isn't it? No. 5 (of 12; Mr. X): \u00ab caf\u00e9 \u00bb..."]


class WordFiles:
    """Vocabulary and merges instead of a tokenizer.json."""

    def __init__(self, files):
        self.files = files

    def get_vocab_size(self):
        if "vocab.txt" in self.files:
            return len(self.files["vocab.txt"].splitlines()) + 5  # special tokens that it has not
        return len(json.loads(self.files["vocab.json"])) + 2

    def save(self, path, pretty):
        for name, text in self.files.items():
            (pathlib.Path(path).parent / name).write_text(text)


def xlm_tokenizer():
    config = {"tokenizer_class": "XLMTokenizer", "model_max_length": 64,
              "clean_up_tokenization_spaces": True}
    return WordFiles(word_files("xlm", config, LATIN, 400)), config


def flaubert_tokenizer():
    config = {"tokenizer_class": "FlaubertTokenizer", "model_max_length": 64, "do_lowercase": True}
    return WordFiles(word_files("flaubert", config, LATIN, 400)), config


def phobert_tokenizer():
    """Its class stands in config.json."""
    files = word_files("roberta", {"tokenizer_class": "PhobertTokenizer"}, LATIN, 400)
    return WordFiles(files), {"model_max_length": 64}


def residue_tokenizer():
    vocabulary = {token: i for i, token in enumerate(RESIDUES)}
    return Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>")), {
        "tokenizer_class": "EsmTokenizer", "model_max_length": 64}


def no_tokenizer():
    return None, {"tokenizer_class": "CanineTokenizer", "model_max_length": 64}


def node_tokenizer():
    """MarkupLM's: unknown tags are the next id behind the table, no tag is the one behind that."""
    t, config = roberta_tokenizer()
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>",
        special_tokens=[(token, t.token_to_id(token)) for token in ("<s>", "</s>")])
    tags = {tag: i for i, tag in enumerate(["a", "body", "div", "html", "li", "p", "td"])}
    return t, {**{k: v for k, v in config.items() if k != "model_input_names"},
               "tokenizer_class": "MarkupLMTokenizer", "tags_dict": tags, "max_depth": 4,
               "max_width": 11, "pad_width": 12}


def labels(*names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


NAMES = labels("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
PLAIN_NAMES = labels("O", "PER", "LOC-X", "MISC")
NLI = labels("contradiction", "neutral", "Entailment")
NLI_FIRST = labels("entailment", "not_entailment")


def with_config(make, **more):
    """A tokenizer with more in its tokenizer_config.json."""
    def made():
        tokenizer, config = make()
        return tokenizer, {**config, **more}
    return made


def prefix_space_tokenizer():
    """Every text begins as if behind a space, as in RoBERTa's relatives for words."""
    t, config = roberta_tokenizer()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.post_processor = processors.RobertaProcessing(
        ("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")),
        trim_offsets=True, add_prefix_space=True)
    return t, {**config, "add_prefix_space": True}


def model(config, tokenizer, kind, settings=None):
    name = config.func.__name__.removesuffix("Config") + "For" + kind
    return {"config": config, "tokenizer": tokenizer, "model": getattr(transformers, name),
            "settings": settings or {}, "dtype": torch.float16}


MODELS = {
    "bert-masked-lm": model(BERT, bert_tokenizer, "MaskedLM"),
    "roberta-masked-lm": model(ROBERTA, roberta_tokenizer, "MaskedLM"),
    "xlm-roberta-masked-lm": model(XLM_ROBERTA, xlm_roberta_tokenizer, "MaskedLM"),
    "bert-nli": model(BERT, bert_tokenizer, "SequenceClassification", NLI),
    "roberta-nli": model(ROBERTA, roberta_tokenizer, "SequenceClassification", NLI_FIRST),
    "bert-multi": model(BERT, bert_tokenizer, "SequenceClassification", {
        **labels("negative", "neutral", "po\u017fitiv"),
        "problem_type": "multi_label_classification"}),
    "roberta-regression": model(ROBERTA, roberta_tokenizer, "SequenceClassification", {
        **labels("score"), "problem_type": "regression"}),
    "bert-one": model(BERT, bert_tokenizer, "SequenceClassification", labels("LABEL_0")),
    "bart-nli": model(BART, roberta_tokenizer, "SequenceClassification", NLI),
    "qwen3-one": model(QWEN3, qwen_tokenizer, "SequenceClassification", labels("LABEL_0")),
    "qwen3-entities": model(QWEN3, qwen_tokenizer, "TokenClassification", PLAIN_NAMES),
    "distilbert-labels": model(DISTILBERT, bert_tokenizer, "SequenceClassification",
                               labels("bad", "so so", "good")),
    "bert-entities": model(BERT, functools.partial(bert_tokenizer, cased=True),
                           "TokenClassification", NAMES),
    "roberta-entities": model(ROBERTA, roberta_tokenizer, "TokenClassification", PLAIN_NAMES),
    "xlm-roberta-entities": model(XLM_ROBERTA, xlm_roberta_tokenizer, "TokenClassification",
                                  NAMES),
    # Side effects of tokenizer_config.json.
    "clean-masked-lm": model(XLM_ROBERTA, with_config(
        xlm_roberta_tokenizer, clean_up_tokenization_spaces=True), "MaskedLM"),
    "untyped-nli": model(BERT, with_config(
        bert_tokenizer, tokenizer_class="PreTrainedTokenizerFast",
        model_input_names=["input_ids", "attention_mask"]), "SequenceClassification", NLI),
    "left-entities": model(BERT, with_config(bert_tokenizer, truncation_side="left"),
                           "TokenClassification", NAMES),
    # Words on pages.
    "layoutlm-entities": model(LAYOUTLM, bert_tokenizer, "TokenClassification", NAMES),
    "layoutlm-labels": model(LAYOUTLM, bert_tokenizer, "SequenceClassification",
                             labels("letter", "invoice")),
    "layoutlm-answers": model(LAYOUTLM, bert_tokenizer, "QuestionAnswering"),
    "lilt-entities": model(LILT, prefix_space_tokenizer, "TokenClassification", PLAIN_NAMES),
    "prefix-answers": model(ROBERTA, prefix_space_tokenizer, "QuestionAnswering"),
    "prefix-entities": model(ROBERTA, prefix_space_tokenizer, "TokenClassification",
                             PLAIN_NAMES),
    "bart-masked-lm": model(BART, roberta_tokenizer, "ConditionalGeneration"),
    "big-bird-entities": model(BIG_BIRD, xlm_roberta_tokenizer, "TokenClassification", NAMES),
    "big-bird-labels": model(BIG_BIRD, xlm_roberta_tokenizer, "SequenceClassification", NLI),
    "canine-labels": model(CANINE, no_tokenizer, "SequenceClassification", NLI),
    "esm-masked-lm": {**model(ESM, residue_tokenizer, "MaskedLM"), "vocab_txt": True},
    "funnel-entities": model(FUNNEL, bert_tokenizer, "TokenClassification", NAMES),
    "funnel-labels": model(FUNNEL, bert_tokenizer, "SequenceClassification", NLI),
    "longformer-labels": model(LONGFORMER, roberta_tokenizer, "SequenceClassification", NLI),
    "flaubert-labels": model(FLAUBERT, flaubert_tokenizer, "SequenceClassification", NLI),
    "flaubert-masked-lm": {**model(FLAUBERT, flaubert_tokenizer, "SequenceClassification"),
                           "model": transformers.FlaubertWithLMHeadModel},
    "xlm-labels": model(XLM, xlm_tokenizer, "SequenceClassification", NLI),
    "xlm-masked-lm": {**model(XLM, xlm_tokenizer, "SequenceClassification"),
                      "model": transformers.XLMWithLMHeadModel},
    "phobert-entities": model(ROBERTA, phobert_tokenizer, "TokenClassification",
                              {**NAMES, "tokenizer_class": "PhobertTokenizer"}),
    "phobert-masked-lm": model(ROBERTA, phobert_tokenizer, "MaskedLM",
                               {"tokenizer_class": "PhobertTokenizer"}),
    "markuplm-entities": model(MARKUPLM, node_tokenizer, "TokenClassification", PLAIN_NAMES),
    "markuplm-labels": model(MARKUPLM, node_tokenizer, "SequenceClassification", NLI),
    "mobilebert-masked-lm": model(MOBILEBERT, bert_tokenizer, "MaskedLM"),
    # An adapter for each language; the first one has no language for texts that name none.
    "xmod-masked-lm": model(XMOD, xlm_roberta_tokenizer, "MaskedLM"),
    "xmod-nli": model(XMOD, xlm_roberta_tokenizer, "SequenceClassification",
                      {**NLI, "default_language": "de_DE", "adapter_layer_norm": True}),
    "xmod-entities": model(XMOD, xlm_roberta_tokenizer, "TokenClassification",
                           {**NAMES, "pre_norm": True}),
    "xlnet-entities": model(XLNET, xlm_roberta_tokenizer, "TokenClassification", NAMES),
    "xlnet-labels": model(XLNET, bert_tokenizer, "SequenceClassification", NLI),
    "bert-answers": model(BERT, bert_tokenizer, "QuestionAnswering"),
    "left-answers": model(BERT, with_config(bert_tokenizer, padding_side="left"),
                          "QuestionAnswering"),
    "cut-left-answers": model(BERT, with_config(bert_tokenizer, truncation_side="left"),
                              "QuestionAnswering"),
    "roberta-answers": model(ROBERTA, roberta_tokenizer, "QuestionAnswering"),
    "xlm-roberta-answers": model(XLM_ROBERTA, xlm_roberta_tokenizer, "QuestionAnswering"),
}

SHORT = "The quick brown fox jumps over the lazy dog."
AWKWARD = ("café café Été  straße 中文日本 \U0001f600 σς"
           " [UNK] \u00a0 it's  Smith's\tnight")
LONG = " ".join(["one two three people may go back to the state, and then come home"] * 9)
ENTITIES = ["That is a happy person from Smith I E\u0301", SHORT, AWKWARD, LONG, "a", "",
            "internationalization of the Schwarzschild state \U0001f468\u200d\U0001f469 yes"]
DOCUMENTS = [  # a node a line
    (f"{SHORT}\n  {AWKWARD} \n\nit's late\n", ["/html/body/div[2]/p", "/html/body/li[10]/a/p/div[3]",
                                             "/html/ body /table/td[11]"]),
    ("one", ["/html"]),
    (f"a\n{LONG}\nb", ["", "//p[7]", "/html/body/div/li/a"])]
LABELS = ["sport", "the state", "happy \U0001f600", "a {brace}", "quick, brown"]


@functools.cache
def load(task, name):
    ask = pipeline(task, str(GOLDENS / name), dtype=torch.float32, device="cpu")
    base = ask.model.base_model
    if hasattr(base, "set_attention_type"):  # one short text turns it to full attention for good
        ask.model.register_forward_pre_hook(
            lambda *_: base.set_attention_type(ask.model.config.attention_type))
    return ask


def plain(value):
    """numpy's numbers as Python's."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.item() if hasattr(value, "item") else value


# --- what a task's pipeline answers to (inputs, parameters), in the shape of the wire ---

def fill_mask(ask, inputs, parameters):
    got = ask(inputs, tokenizer_kwargs={"truncation": True}, **parameters)
    return [got] if isinstance(inputs, list) and len(inputs) == 1 else got


@contextlib.contextmanager
def placed(ask, inputs, boxes):
    """Calls of the model get what the document-question-answering pipeline makes of words' boxes: the
    far corner of the page for [SEP], the near one for other tokens that are in no word."""
    given = list(zip(inputs, boxes)) if isinstance(inputs, list) else [(inputs, boxes)]
    forward = ask.model.forward

    def with_boxes(input_ids, **features):
        text, of_words = given.pop(0)
        words = ask.tokenizer(text.split(), is_split_into_words=True, truncation=True)
        assert words.input_ids == input_ids[0].tolist(), text
        bbox = [of_words[word] if word is not None else
                [1000] * 4 if token == ask.tokenizer.sep_token_id else [0] * 4
                for token, word in zip(words.input_ids, words.word_ids())]
        return forward(input_ids=input_ids, bbox=torch.tensor([bbox]), **features)

    ask.model.forward = with_boxes
    yield
    ask.model.forward = forward


@contextlib.contextmanager
def speaking(ask, language):
    """How the user of a pipeline chooses: for all texts from then on."""
    if language is None:
        yield
        return
    usual = ask.model.config.default_language
    ask.model.set_default_language(language)
    yield
    ask.model.config.default_language = usual


def without(parameters, key):
    return {k: value for k, value in parameters.items() if k != key}


def as_document(ask, text, xpaths):
    """What MarkupLM's tokenizer makes of the lines of a text as nodes, and where they begin."""
    nodes = [line.strip() for line in text.split("\n") if line.strip()]
    starts = [0]
    for node in nodes:
        starts.append(text.index(node, starts[-1]) + len(node))
    features = ask.tokenizer(nodes, xpaths=xpaths, truncation=True, return_tensors="pt")
    return features, [end - len(node) for node, end in zip(nodes, starts[1:])]


@contextlib.contextmanager
def in_document(ask, text, xpaths):
    features, _ = as_document(ask, text, xpaths)
    forward = ask.model.forward
    ask.model.forward = lambda **_: forward(**features)
    yield
    ask.model.forward = forward


def document_entities(ask, text, xpaths):
    """Every token; the pipeline's places are those in its node."""
    features, starts = as_document(ask, text, xpaths)
    scores = ask.model(**features).logits[0].detach().softmax(-1)
    found = []
    encoding = features.encodings[0]
    for i, (node, offsets) in enumerate(zip(encoding.word_ids, encoding.offsets)):
        if node is not None:
            name = ask.model.config.id2label[int(scores[i].argmax())]
            start, end = (starts[node] + offset for offset in offsets)
            found.append({"entity": name, "entity_group": name.split("-", 1)[-1],
                          "score": float(scores[i].max()), "index": i,
                          "word": encoding.tokens[i], "start": start, "end": end})
    return found


@contextlib.contextmanager
def placed_parts(ask):
    """Entities get their places in the text, which the pipeline of a tokenizer without a backend
    does not know: its tokens are parts of words, unknown ones too."""
    gather = ask.gather_pre_entities

    def with_places(sentence, *rest, **more):
        places = []
        for word in re.finditer(r"\S+\n?", sentence):
            at = word.start()
            for part in ask.tokenizer.bpe(word[0]).split(" "):
                end = min(at + len(part) - 2 * part.endswith("@@"), word.end())
                places.append((at, end))
                at = end
        entities = gather(sentence, *rest, **more)
        for entity in entities:
            entity["start"], entity["end"] = places[entity["index"] - 1]
        return entities

    ask.gather_pre_entities = with_places
    yield
    ask.gather_pre_entities = gather


def some_boxes(text):
    """One for each word, in lines of four."""
    return [[i % 4 * 250, i // 4 % 20 * 40, i % 4 * 250 + 25 * len(word), i // 4 % 20 * 40 + i]
            for i, word in enumerate(text.split())]


def text_classification(ask, inputs, parameters):
    if "boxes" in parameters:
        with placed(ask, inputs, parameters["boxes"]):
            return text_classification(ask, inputs, without(parameters, "boxes"))
    if "xpaths" in parameters:
        with in_document(ask, inputs, parameters["xpaths"]):
            return text_classification(ask, inputs, without(parameters, "xpaths"))
    got = ask(inputs, truncation=True, **{"top_k": None, **parameters})
    return got if isinstance(inputs, list) else [got]


def token_classification(ask, inputs, parameters):
    if "boxes" in parameters:
        with placed(ask, inputs, parameters["boxes"]):
            return token_classification(ask, inputs, without(parameters, "boxes"))
    if "xpaths" in parameters:
        return document_entities(ask, inputs, parameters["xpaths"])
    with placed_parts(ask) if not ask.tokenizer.is_fast else contextlib.nullcontext():
        got = ask(inputs, **{"aggregation_strategy": "simple", **parameters})
    for found in sum(got, []) if isinstance(inputs, list) else got:
        if "entity" in found:
            found["entity_group"] = found["entity"].split("-", 1)[-1]
    return got


def question_answering(ask, inputs, parameters):
    if isinstance(inputs, list):
        return [question_answering(ask, item, parameters) for item in inputs]
    got = ask(**inputs, **parameters)
    return [got] if parameters.get("top_k", 1) > 1 and isinstance(got, dict) else got


def document_answers(ask, inputs, parameters):
    """question-answering with boxes, as transformers 5 has it: its places are words, its answers
    the words joined by spaces. The context has words of one token, each once: only then are spans
    with the same text, whose scores question-answering adds up, one span."""
    words = inputs["context"].split()
    assert len(set(words)) == len(words) == len(ask.tokenizer.tokenize(inputs["context"]))
    got = ask({"question": inputs["question"], "word_boxes": list(zip(words, inputs["boxes"]))},
              **parameters)[0]
    start = len(" ".join(words[:got["start"]] + [""]))
    return {**got, "start": start, "end": start + len(got["answer"])}


def zero_shot_classification(ask, inputs, parameters):
    if isinstance(inputs, list):
        return [zero_shot_classification(ask, text, parameters) for text in inputs]
    got = ask(inputs, **parameters)
    return [{"label": label, "score": score} for label, score in zip(got["labels"], got["scores"])]


def text_ranking(ask, inputs, parameters):
    """A cross-encoder is a classifier of pairs with one label."""
    function = "none" if parameters.get("raw_scores") else "sigmoid"
    pairs = [{"text": inputs["query"], "text_pair": text} for text in inputs["texts"]]
    got = ask(pairs, function_to_apply=function, top_k=None, truncation=True)
    ranked = [{"index": i, "score": one[0]["score"]} for i, one in enumerate(got)]
    if parameters.get("return_text"):
        for one in ranked:
            one["text"] = inputs["texts"][one["index"]]
    ranked.sort(key=lambda one: -one["score"])
    return ranked[:parameters.get("top_k")]


def fill_mask_cases():
    for name, mask in (("bert", "[MASK]"), ("roberta", "<mask>"), ("xlm-roberta", "<mask>"),
                       ("clean", "<mask>")):
        where = f"tasks/{name}-masked-lm"
        for text in (f"The quick {mask} fox.", f"{mask}", f"it 's {mask} , isn 't ? yes !",
                     f"the{mask}state, {mask} it's  {mask}",
                     f"{mask} </s> [SEP] <pad> [PAD] {AWKWARD}", f"one {mask} {LONG}"):
            yield where, text, {}
        yield where, [f"a {mask}", f"{mask} and {mask}"], {"top_k": 2}
        yield where, [f"a {mask}"], {"top_k": 1}
        yield where, f"a {mask} b", {"top_k": 40}
        yield where, f"one {mask} b", {"targets": ["the", "state", "zebra crossing", " of", "the"]}
        yield where, f"one {mask} b", {"targets": "people", "top_k": 3}
        yield where, f"{mask} or {mask}", {"targets": ["and", "not", "of"], "top_k": 2}
    for name, mask in (("bart", "<mask>"), ("mobilebert", "[MASK]"), ("esm", "<mask>")):
        where = f"tasks/{name}-masked-lm"
        for text in (f"The quick {mask} fox.", f"MKT{mask}AYIAK-{mask}RQ ISF", f"one {mask} {LONG}"):
            yield where, text, {}
    for where in ("tasks/xlm-masked-lm", "tasks/flaubert-masked-lm"):
        for text in ("The quick <special1> fox.", "<special1>Mr. l'\u00e9t\u00e9 isn't no. 5, \u00ab\u00a0<special1> \u00bb...",
                     f"one <special1> {LONG}", f"<special1> </s> <special3> <pad> {AWKWARD}"):
            yield where, text, {}
        yield where, "one <special1> b", {"targets": ["the", "state", "zebra crossing", "the</w>"]}
    for text in ("The quick <mask> fox.", f"<mask>it's <mask>\n{AWKWARD}", f"one <mask> {LONG}"):
        yield "tasks/phobert-masked-lm", text, {}
    yield "tasks/phobert-masked-lm", "<mask> b", {"targets": ["the", "th@@", "zebra crossing"]}
    for language in ("en_XX", "de_DE", "zh_CN"):
        for inputs in (f"{AWKWARD} <mask>", ["a <mask>", "The <mask> of <mask>."]):
            yield "tasks/xmod-masked-lm", inputs, {"language": language}


def text_classification_cases():
    pair = {"text": "Is it late?", "text_pair": "the night has come, and then some"}
    for where in ("tasks/bert-nli", "tasks/roberta-nli", "tasks/untyped-nli",
                  "tasks/bert-multi",
                  "tasks/roberta-regression", "tasks/bert-one",
                  "tasks/distilbert-labels"):
        for inputs in (SHORT, AWKWARD, LONG, pair, [SHORT, "a"], [pair, {"text": "alone"}],
                       {"text": LONG, "text_pair": LONG}, {"text": SHORT, "text_pair": ""}):
            yield where, inputs, {}
        for parameters in ({"top_k": 1}, {"top_k": 2}, {"function_to_apply": "sigmoid"},
                           {"function_to_apply": "softmax"}, {"function_to_apply": "none"}):
            yield where, SHORT, parameters
    for family in ("big-bird", "canine", "flaubert", "funnel", "longformer", "xlm", "xlnet"):
        for inputs in (SHORT, AWKWARD, LONG, pair, [SHORT, "some letters"],
                       {"text": SHORT, "text_pair": LONG}):
            yield f"tasks/{family}-labels", inputs, {"function_to_apply": "none"}
    for text, xpaths in DOCUMENTS:
        yield "tasks/markuplm-labels", text, {"xpaths": xpaths, "function_to_apply": "none"}
    for inputs in (SHORT, AWKWARD, LONG, [SHORT, "some letters"]):
        yield "tasks/markuplm-labels", inputs, {"function_to_apply": "none"}
    for text in (SHORT, AWKWARD, LONG):
        yield "tasks/layoutlm-labels", text, {"boxes": some_boxes(text)}
    yield "tasks/layoutlm-labels", [SHORT, "a"], {"boxes": [some_boxes(SHORT), [[1, 2, 3, 4]]]}
    yield "tasks/layoutlm-labels", SHORT, {}
    for parameters in ({}, {"language": "zh_CN"}, {"language": "de_DE"}, {"language": "en_XX"}):
        for inputs in (AWKWARD, [pair, {"text": "alone"}]):
            yield "tasks/xmod-nli", inputs, parameters


def token_classification_cases():
    for name in ("bert", "roberta", "xlm-roberta", "left", "prefix", "qwen3"):
        where = f"tasks/{name}-entities"
        for how in ("none", "simple", "first", "average", "max"):
            for text in ENTITIES:
                yield where, text, {"aggregation_strategy": how}
            yield where, ENTITIES[:3], {"aggregation_strategy": how, "ignore_labels": []}
        yield where, SHORT, {}
        yield where, SHORT, {"ignore_labels": ["PER", "O"]}
        yield where, SHORT, {"ignore_labels": ["B-PER"], "aggregation_strategy": "none"}
        for stride in (0, 7, 40):
            yield where, LONG, {"stride": stride}
            yield where, LONG, {"stride": stride, "aggregation_strategy": "max"}
        yield where, [SHORT, LONG], {"stride": 20, "aggregation_strategy": "first"}
    for family in ("big-bird", "funnel", "xlnet"):
        for text in (SHORT, AWKWARD, LONG):
            yield f"tasks/{family}-entities", text, {"aggregation_strategy": "first"}
    for how in ("none", "simple"):
        for text in (SHORT, AWKWARD, LONG, f"{SHORT}\n{AWKWARD}\n"):
            yield "tasks/phobert-entities", text, {"aggregation_strategy": how, "ignore_labels": []}
    for text, xpaths in DOCUMENTS:
        yield "tasks/markuplm-entities", text, {
            "xpaths": xpaths, "aggregation_strategy": "none", "ignore_labels": []}
    for where in ("tasks/layoutlm-entities", "tasks/lilt-entities"):
        texts = [SHORT, " ".join(AWKWARD.split()), LONG]
        boxes = [some_boxes(text) for text in texts]
        for text, places in zip(texts, boxes):
            yield where, text, {"aggregation_strategy": "none", "ignore_labels": [], "boxes": places}
        yield where, texts, {"aggregation_strategy": "none", "boxes": boxes}
        yield where, SHORT, {"aggregation_strategy": "none"}
    for language in ("en_XX", "zh_CN"):
        yield "tasks/xmod-entities", AWKWARD, {"language": language, "aggregation_strategy": "none"}
        yield "tasks/xmod-entities", LONG, {"language": language, "stride": 9}


def question_answering_cases():
    context = ("My name is a happy person and I live in the state of night. " + AWKWARD
               + " These people say: come home, it's late!")
    asked = [{"question": "Who may live there?", "context": text} for text in (context, LONG, SHORT)]
    for name in ("bert", "roberta", "xlm-roberta", "prefix", "left", "cut-left"):
        where = f"tasks/{name}-answers"
        for inputs in asked:
            # What the tiny model can read: the 384 of the preset are more than it has.
            yield where, inputs, {}
            yield where, inputs, {"top_k": 4}
            yield where, inputs, {"top_k": 3, "align_to_words": False}
            yield where, inputs, {"max_answer_len": 3, "top_k": 2}
            yield where, inputs, {"max_answer_len": 60}
            yield where, inputs, {"handle_impossible_answer": True, "top_k": 3}
            yield where, inputs, {"handle_impossible_answer": True}
            yield where, inputs, {"max_seq_len": 33, "doc_stride": 5, "top_k": 5}
            yield where, inputs, {"max_seq_len": 30, "doc_stride": 0}
        yield where, asked, {}
        yield where, {"question": "a", "context": "b"}, {}
        yield where, {"question": "Who?", "context": f"[CLS] <s> {SHORT} [SEP] </s>"}, {"top_k": 3}
        yield where, {"question": "[CLS] <s> who [CLS]?", "context": SHORT}, {"top_k": 4}
        yield where, {"question": "[CLS] a <s>", "context": AWKWARD}, {
            "top_k": 4, "align_to_words": False, "max_answer_len": 40}


def document_answers_cases():
    where = "tasks/layoutlm-answers"
    vocabulary = load("document-question-answering", where).tokenizer.get_vocab()
    words = sorted(word for word in vocabulary if word.isalpha() and len(word) > 1)[:24]
    for context in (" ".join(words[:12]), " ".join(words[12:]), " ".join(words[::2])):
        for question in ("who is there", "a", "the fox and the dog"):
            yield where, {"question": question, "context": context,
                          "boxes": some_boxes(context)}, {"max_seq_len": 60}


def zero_shot_classification_cases():
    for where in ("tasks/bert-nli", "tasks/roberta-nli", "tasks/bart-nli"):
        for text in (SHORT, AWKWARD, LONG):
            yield where, text, {"candidate_labels": LABELS}
            yield where, text, {"candidate_labels": LABELS, "multi_label": True}
        yield where, SHORT, {"candidate_labels": " one, two ,,three"}
        yield where, SHORT, {"candidate_labels": ["alone"]}
        yield where, SHORT, {"candidate_labels": ["Sport", "SPORT", "state", "state"]}  # equal ones
        yield where, SHORT, {"candidate_labels": LABELS, "hypothesis_template": "{0} is {{it}}"}
        yield where, [SHORT, "a"], {"candidate_labels": ["one", "two"]}
        yield where, "a", {"candidate_labels": ["short", "the state of the night " * 2]}
    # Models without a label for entailment.
    for where in ("tasks/bert-multi", "tasks/distilbert-labels", "tasks/bert-one"):
        yield where, SHORT, {"candidate_labels": LABELS}
        yield where, SHORT, {"candidate_labels": LABELS, "multi_label": True}
        yield where, "a", {"candidate_labels": ["alone"]}
    for parameters in ({}, {"language": "en_XX"}):
        yield "tasks/xmod-nli", AWKWARD, {"candidate_labels": LABELS, **parameters}


def text_ranking_cases():
    inputs = {"query": "Who may live there?",
              "texts": [SHORT, AWKWARD, "a", LONG, "I live in the state of night", SHORT]}
    for parameters in ({}, {"raw_scores": True}, {"return_text": True}, {"top_k": 2}):
        yield "tasks/bert-one", inputs, parameters
        yield "tasks/roberta-regression", inputs, parameters
        yield "tasks/qwen3-one", inputs, parameters


TASKS = {"fill-mask": (fill_mask, fill_mask_cases, "fill-mask"),
         "text-classification": (text_classification, text_classification_cases,
                                 "text-classification"),
         "token-classification": (token_classification, token_classification_cases,
                                  "token-classification"),
         "question-answering": (question_answering, question_answering_cases,
                                "question-answering"),
         "zero-shot-classification": (zero_shot_classification, zero_shot_classification_cases,
                                      "zero-shot-classification"),
         "question-answering-boxes": (document_answers, document_answers_cases,
                                      "document-question-answering"),
         "text-ranking": (text_ranking, text_ranking_cases, "text-classification")}


def make(task):
    answer, cases, pipeline_name = TASKS[task]
    rows = []
    for where, inputs, parameters in cases():
        body = {"inputs": inputs, "parameters": parameters}
        ask = load(pipeline_name, where)
        with speaking(ask, parameters.get("language")):
            reply = plain(answer(ask, inputs, without(parameters, "language")))
        rows.append({"model": where, "body": body, "reply": reply})
    head = {"task": task, "tolerance": 1e-4,
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__}}
    write_rows(OUT / (task + ".json"), head, "cases", rows)
    print("%-28s %3d cases" % (task, len(rows)))


if __name__ == "__main__":
    recent = int(transformers.__version__.split(".")[0]) >= 5
    transformers.set_seed(0)
    if recent:
        for folder, row in MODELS.items():
            write_transformer(OUT / folder, folder, row)
    for name in sys.argv[1:] or [t for t in TASKS if recent == (t != "question-answering")]:
        make(name)
