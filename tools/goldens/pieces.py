#!/usr/bin/env python3
"""Write tests/goldens/pieces/CASE/: folders without a tokenizer.json, and what the reference makes
of texts with them (expected.json).

usage: tools/goldens/pieces.py [CASE OF WORDS...]       (of WORDS, JAPAN, CHINA)
                    needs transformers==5.23.0, sentencepiece==0.2.3, sacremoses==0.2.0,
                    emoji==0.6.0, fugashi==1.5.2, rjieba==0.2.2; Debian packages libmecab2, mecab-ipadic-utf8

Small sentencepiece models are trained on the texts of texts.py; one has the character map nmt_nfkc
that the published multilingual models have, the others none, to stay small. RemBERT's class of this
transformers forgets its special tokens, and takes [CLS] for the unknown token; both are set here as
its converter sets them.
"""

import io
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import types

import sentencepiece
import texts
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens"
OUT = ROOT / "pieces"
ALBERT = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1,
          "control_symbols": "[CLS],[SEP]", "user_defined_symbols": "[MASK],(,)"}
DEBERTA = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "bos_piece": "[CLS]",
           "eos_piece": "[SEP]", "unk_piece": "[UNK]", "pad_piece": "[PAD]"}
XLNET = {"unk_id": 0, "bos_id": 1, "eos_id": 2, "user_defined_symbols": "<eop>,.,(,)",
         "control_symbols": "<cls>,<sep>,<pad>,<mask>,<eod>"}
T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
LLAMA = {"model_type": "bpe", "byte_fallback": True, "split_digits": True,
         "remove_extra_whitespaces": False}
# name: file, model_type, tokenizer_config.json, training
CASES = {
    "xlm-roberta": ("sentencepiece.bpe.model", "xlm-roberta", {},
                    {"normalization_rule_name": "nmt_nfkc"}),
    "camembert": ("sentencepiece.bpe.model", "camembert",
                  {"tokenizer_class": "CamembertTokenizer"}, {}),
    "mbart": ("sentencepiece.bpe.model", "mbart", {"src_lang": "de_DE"}, {}),
    "t5": ("spiece.model", "t5", {"tokenizer_class": "T5Tokenizer", "extra_ids": 7}, T5),
    "albert": ("spiece.model", "albert", {}, ALBERT),
    "albert-cased": ("spiece.model", "albert", {"do_lower_case": False, "keep_accents": True},
                     ALBERT),
    "big-bird": ("spiece.model", "big_bird", {}, ALBERT),
    "rembert": ("sentencepiece.model", "rembert", {},
                {**ALBERT, "control_symbols": "[CLS],[SEP],[MASK]", "user_defined_symbols": ""}),
    "xlnet": ("spiece.model", "xlnet", {"tokenizer_class": "XLNetTokenizerFast"}, XLNET),
    "deberta-v2": ("spm.model", "deberta-v2", {}, DEBERTA),
    "deberta-v2-punct": ("spm.model", "deberta-v2",
                         {"do_lower_case": True, "split_by_punct": True}, DEBERTA),
    "llama": ("tokenizer.model", "llama",
              {"tokenizer_class": "LlamaTokenizer", "legacy": True, "add_bos_token": True}, LLAMA),
    "llama-new": ("tokenizer.model", "llama",
                  {"tokenizer_class": "LlamaTokenizer", "add_eos_token": True}, LLAMA),
}
BYTES = {
    "roberta": ("roberta", {}, {}),
    "longformer": ("longformer", {"add_prefix_space": True, "mask_token": {
        "__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
        "single_word": False, "normalized": True}}, {}),
    "gpt2": ("gpt2", {}, {"<s>": "<|endoftext|>"}),
    "opt": ("opt", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True,
                    "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>"}, {}),
    "deberta": ("deberta", {}, {"<s>": "[CLS]", "</s>": "[SEP]"}),
}
WORDPIECE = {
    "funnel": {"[CLS]": "<cls>", "[SEP]": "<sep>", "[UNK]": "<unk>", "[PAD]": "<pad>",
               "[MASK]": "<mask>"},
    "mpnet": {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[MASK]": "<mask>"},
}
RESIDUES = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>"]
PROTEINS = [("MKTAYIAK<mask>RQISF VKSHFSRQ<null_1>LEERLGLIEVQ", None),
            ("MKT aYIAx-K.", "<cls>LAGV  ab<mask>\tZ")]
# Words in parts: their tokenizers have no backend, no offsets and no types.
WORDS = {
    "xlm": ("xlm", {}),
    "xlm-cased": ("xlm", {"tokenizer_class": "XLMTokenizer", "lang2id": {"en": 0, "ro": 1},
                          "id2lang": {"0": "en", "1": "ro"},
                          "do_lowercase_and_remove_accent": False}),
    "flaubert": ("flaubert", {"tokenizer_class": "FlaubertTokenizer"}),
    "flaubert-lower": ("flaubert", {"do_lowercase": True, "additional_special_tokens": ["<special9>"]}),
    "phobert": ("roberta", {"tokenizer_class": "PhobertTokenizer"}),
    "bertweet": ("roberta", {"tokenizer_class": "BertweetTokenizer"}),
    "bertweet-normal": ("roberta", {"tokenizer_class": "BertweetTokenizer", "normalization": True}),
    "phobert-named": ("roberta", {"tokenizer_class": "PhobertTokenizer", "bos_token": "[B]", "cls_token": "[C]", "additional_special_tokens": ["@@"]}),
}
MARKED = ["PhobertTokenizer", "BertweetTokenizer"]
# What Moses' rules speak of, and what is near it.
PARTS = [
    "Mr.", "No.", "No. 5", "pp.", "etc.", "i.e.", "M.", "art.", "c.-\u00e0-d.", "U.S.", "a.b.", "X.",
    ".", "..", "...", "....", "DOTMULTI", "DOTDOTMULTI", ",", ",,", "1,5", "5,a", "a,5", "7", "42", "'",
    "''", "'s", "5's", "l'\u00e9t\u00e9", "don't", "`", "\"", "\",", ",\"", ".\"", "\" <", "(", ")", ") .", "( ",
    " )", "3 %", " :", " ;", "?", "!", "-", "/", "<", ">", "&", "@", "#", "_", "\u00a0", "1\u00a05", "\u00a0%",
    "n\u00ba\u00a0", "\u00a0\u00baC", "\u00a0cm", "\u00a0?", "\u00a0:", ",\u00a0", "\u00ab", "\u00ab\u00a0",
    "\u00a0\u00bb", "\u00a0\u00ab\u00a0", "\u201e", "\u201c", "\u201d", "\u2018", "\u2019", "\u201a", "\u00b4",
    "\u2013", "\u2014", "\u2026", "\u3002 ", "\uff0e", "\uff0c", "\uff15", "\u300c", "\uff05", "\u03a3", "\u039f\u03a3",
    "\u03a3\u0301a", "\u0130", "\u00c9t\u00e9", "e\u0301", "\u01d6", "\u0915\u094d", "\u0e01\u0e33", "\u302e\u302f",
    "\u0660", "\u00bd", "\u4e2d", "\U0001f600", "\u200b", "\t", "\n", "\r", "\x1c", "\x00", "\u2028", "\ue000",
    "\u0378", "<special1>", "</s>", "</w>", "the", "Word", "a", "B", " ", " ", " ", "  "]
TWEETS = [
    "@user", "@", "@_1", "a@b.c", "joe.x+y@mail-2.example.org", "#tag", "##t-a_g'", "#1", "# x", "http://a.b/c(d)",
    "https://x.y/z_(w_(v))!", "HTTP:/a.b,", "www.x.org", "x.com/", "news.example.co.uk", "t.co/q?x=1&y=2", "foo.na@", "@x.com",
    "http", "HTTPS", "WWW", "\uff57ww", "https\u017f://ab", "\u212a.com", "\u0130.com", ":)", ":-D", "8-p", ":'(", "<3", ">:o)",
    "(=", "@:", "<b>", "<a href>", "-->", "<--", "555-1234", "+1 (555) 123-4567", "0123 4567890", "1/2", "3.5-", "-7,5+", "1:2:3",
    "...", ". . .", "\u2026", "....", "!!!!!", "?????????", "soooooo", "______", "     ", "\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d",
    "\U0001f602\U0001f602\U0001f602\U0001f602", "\U0001f602", "\u2764\ufe0f", "\ufe0f", "\u00a9", "\U0001f1eb\U0001f1f7",
    "\U0001f468\u200d\U0001f469", "\U0001f44d\U0001f3fd", "\u270c", "1\ufe0f\u20e3", "&amp;", "&lt;3", "&gt;", "&hellip;", "&rsquo;",
    "&quot;", "&#39;", "&#x27;", "&#x1F602;", "&#8217;", "&#146;", "&#129;", "&#xD800;", "&#1114112;", "&#-5;", "&#+65;", "&#1_0;",
    "&#x0x41;", "&xi;", "&x;", "&#;", "&#x;", "&nope;", "&;", "& amp;", "&amp", "&&amp;;", "&\u0661;", "&#\u0666\u0665;", "can't",
    "cannot ", "cannot", "ain't ", "won't ", "isn\u2019t ", "I'm ", "they're ", "she's ", "he'll ", "I'd ", "we've ", "p.m.", "p . m .",
    " a . m ", "5 p.m", "a.m. ", "ca n't", "n 't ", "don't", "rock-'n'-roll", "well-known_x", "-", "_", "'", "\u2019", "\u2018a\u2019",
    "\u201cq\u201d", "\u00ab\u00bb", "caf\u00e9", "\u24b6\u24d0", "\u2160", "a\u200db", "\u0661\u0662\u0663-\u0664\u0665\u0666\u0667", "\u203f",
    "e\u0301", "the", "Word", "x", "5", " ", " ", " ", " ", "\n", "\t", "\u00a0", "\x1c", "\x00", "\x7f", "<mask>", "</s>", "{", "[", "("]
# Words by MeCab, with the dictionary of Debian's package mecab-ipadic-utf8.
DEBIAN = "-r /dev/null -d /var/lib/mecab/dic/ipadic-utf8"
MECAB = {"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "mecab"}
JAPAN = {
    "japanese": {**MECAB, "do_lower_case": False, "subword_tokenizer_type": "wordpiece",
                 "mecab_kwargs": {"mecab_dic": "ipadic"}},
    "japanese-lower": {**MECAB, "do_lower_case": True, "mecab_kwargs": {"mecab_dic": "ipadic"}},
    "japanese-characters": {**MECAB, "do_lower_case": True, "subword_tokenizer_type": "character",
                            "mecab_kwargs": {"mecab_dic": "ipadic"}},
}
JAPANESE = [
    "\u3059\u3082\u3082\u3082\u3082\u3082\u3082\u3082\u3082\u306e\u3046\u3061", "\u6771\u4eac\u90fd\u306b\u4f4f\u3080", "\u79c1\u306f\u732b\u3067\u3042\u308b\u3002", "\u300c\u3053\u3093\u306b\u3061\u306f\u300d\u3068\u8a00\u3063\u305f\u3001",
    "\u81ea\u7136\u8a00\u8a9e\u51e6\u7406", "\u30b3\u30f3\u30d4\u30e5\u30fc\u30bf\u30fc", "\uff7a\uff9d\uff8b\uff9f\uff6d\uff70\uff80\uff70", "\uff21\uff22\uff23\uff11\uff12\uff13", "\u2460\u2161\u33a1", "\u3000", "\u6625\u590f\u79cb\u51ac",
    "iPhone\u3092\u8cb7\u3046", "Apple", "\u039f\u03a3", "\u0130", "2024\u5e741\u67082\u65e5", "3.14", "\u30fc\u30fc\u30fc", "\u304b\u3099", "\u9ad8\u6a4b", "\u9ad9\u6a4b", "\U00020bb7\u91ce\u5bb6", "\u200d",
    "\u3089\u30fc\u3081\u3093", "\u98df\u3079\u3089\u308c\u306a\u304b\u3063\u305f", "\u3063", "\u3093", "\u3090", "\u3005", "\u3006", "\u00bd", "\ufdfa", "\u1100\u1161", "\ud55c\uad6d", "\U0001f600", "\u2014", "\u2026", "\uff01", "\uff1f", "!",
    "the", "Word", "x", "-", "'", " ", " ", "  ", "\n", "\t", "\u00a0", "\x85", "\u2028", "\x1c", "\x01", "[MASK]", "[SEP]", "#", "##"]
CHINA = {
    "roformer": {"tokenizer_class": "RoFormerTokenizer"},
    "roformer-cased": {"do_lower_case": False, "strip_accents": True},
}
CHINESE = [
    "\u4eca\u5929\u5929\u6c14\u975e\u5e38\u597d\u3002", "\u6211\u6765\u5230\u5317\u4eac\u6e05\u534e\u5927\u5b66", "\u4ed6\u6765\u5230\u4e86\u7f51\u6613\u676d\u7814\u5927\u53a6", "\u5c0f\u660e\u7855\u58eb\u6bd5\u4e1a\u4e8e\u4e2d\u56fd\u79d1\u5b66\u9662",
    "\u5357\u4eac\u5e02\u957f\u6c5f\u5927\u6865", "\u7814\u7a76\u751f\u547d\u8d77\u6e90", "\u4e59\u809d", "T\u6064", "t\u6064", "\u5361\u62c9OK", "C++", "c++", "c#", "AT&T", "\u03b3\u5c04\u7ebf", "\u9f98\u9f98", "\U00020000\U0002a6d7", "\u3400\u3401",
    "\uf900", "\u3007", "\u4e00\u4e8c\u4e09", "\uff0c", "\u3001", "\u300a", "\u300b", "\uff01", "\uff21\uff22", "2024\u5e74", "3.14", "a-b", "a_b", "x.y", "100%", "caf\u00e9", "\u00c9cole", "na\u00efve", "Hello", "world", "iPhone15",
    "\u98de\u673a", "\u96fb\u8166", "\u53f0\u7063", "\u306e", "\ud55c\uad6d", "\U0001f600", "\u200b", "e\u0301", " ", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\x1c", "\x85", "\x00", "[MASK]", "[SEP]", "##", "-", "'"]
CHARACTERS = [("a \ue003b\ue001 \ue000c\x00", "\ue004\U0010ffff\U0001f600 \ue002")]


def all_texts():
    for row in json.loads((ROOT / "texts.json").read_text()):
        if len(row["text"]) < 300:
            yield row["text"], None
    yield "``quoted'' text", "a pair  with   spaces"
    yield " <mask> and [MASK]</s>[SEP] (x) <extra_id_3>.", "\u24e9\ufb01 \u0301e \r\n\t\u2581"


def train(options):
    model = io.BytesIO()
    corpus = texts.SENTENCES * 5 + [" ".join(texts.WORDS[i:i + 9]) for i in range(len(texts.WORDS))]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, hard_vocab_limit=False, minloglevel=2,
        **{"vocab_size": 560 if "byte_fallback" in options else 260, "num_threads": 1,
           "normalization_rule_name": "identity", **options})
    return model.getvalue()


def reference(folder, model_type):
    if model_type == "roformer":
        return roformer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    if model_type == "rembert":
        document = json.loads(tokenizer.to_str())
        document["model"]["unk_id"] = 1
        tokenizer = Tokenizer.from_str(json.dumps(document))
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


class Characters:
    """CANINE's tokenizer, which has no backend: its ids, and the offsets that characters have."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def encode(self, text, pair):
        out = self.tokenizer(text, pair)
        offsets = [(0, 0)]
        for each in (text, pair):
            if each is not None:
                offsets += [(i, i + 1) for i in range(len(each))] + [(0, 0)]
        assert len(offsets) == len(out["input_ids"])
        return types.SimpleNamespace(ids=out["input_ids"], offsets=offsets,
                                     type_ids=out["token_type_ids"])


class Residues(Characters):
    """ESM's, which has none either: offsets by looking for the tokens one after the other."""

    def encode(self, text, pair):
        out = self.tokenizer(text, pair)
        offsets = [(0, 0)]
        for each in (text, pair):
            at = 0
            for token in self.tokenizer.tokenize(each) if each is not None else ():
                at = each.index(token, at) + len(token)
                offsets.append((at - len(token), at))
            if each is not None:
                offsets.append((0, 0))
        assert len(offsets) == len(out["input_ids"])
        return types.SimpleNamespace(ids=out["input_ids"], offsets=offsets,
                                     type_ids=[0] * len(offsets))


class Words(Characters):
    """Tokenizers of WORDS."""

    def encode(self, text, pair):
        return types.SimpleNamespace(ids=self.tokenizer(text, pair)["input_ids"])


def random_texts(parts, n=400):
    chosen = random.Random(5)
    for _ in range(n):
        yield "".join(chosen.choice(parts) for _ in range(chosen.randint(1, 12))), None


def is_marked(config):
    """PhoBERT and BERTweet mark what is no end of a word, the others what is."""
    return config.get("tokenizer_class") in MARKED


def word_files(model_type, config, corpus, size=1500):
    """A BPE of the words of a corpus; a part of it is missing in the vocabulary, as in published
    ones, whose merges go by counts."""
    marked, words = is_marked(config), []
    specials = [] if marked else ["<s>", "</s>", "<pad>", "<unk>"] + ["<special%d>" % i for i in range(8)]
    vocabulary, codes = ("vocab.txt", "bpe.codes") if marked else ("vocab.json", "merges.txt")
    empty = {vocabulary: "" if marked else json.dumps({token: i for i, token in enumerate(specials)}),
             codes: "", "config.json": json.dumps({"model_type": model_type}),
             "tokenizer_config.json": json.dumps(config)}
    with tempfile.TemporaryDirectory() as folder:
        for file, content in empty.items():
            pathlib.Path(folder, file).write_text(content)
        slow = AutoTokenizer.from_pretrained(folder)
    slow.bpe = lambda word: words.append(word.encode("utf-8", "ignore").decode()) or word
    for text in corpus:
        slow.tokenize(text)
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    bpe.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    bpe.train_from_iterator(words, trainers.BpeTrainer(vocab_size=size, end_of_word_suffix="</w>",
                                                       show_progress=False))
    model = json.loads(bpe.to_str())["model"]
    kept = [token for i, token in enumerate(sorted(model["vocab"], key=model["vocab"].get))
            if i % 9 and token not in specials]
    merges = [m if isinstance(m, list) else m.split(" ") for m in model["merges"]]
    lines = ["%s %s %d" % (a, b, 9000 - i) for i, (a, b) in enumerate(merges)]
    if marked:
        kept = [token[:-4] if token.endswith("</w>") else token + "@@" for token in kept]
        return {vocabulary: "".join("%s %d\n" % (token, 900 - i) for i, token in enumerate(kept)),
                codes: "\n".join(lines + ["th e", "t h e 5", "t h 5"])}
    return {vocabulary: json.dumps({token: i for i, token in enumerate(specials + kept)}),
            codes: "\n".join(lines) + "\nt h"}  # without its end the last line does not count


def japanese_vocabulary(config):
    """Words and parts of them that a tokenizer with Debian's dictionary gives, but for some."""
    from transformers.models.bert_japanese.tokenization_bert_japanese import MecabTokenizer
    words = MecabTokenizer(mecab_dic=None, mecab_option=DEBIAN,
                           do_lower_case=config.get("do_lower_case", False))
    counts = {}
    for text, _ in [*all_texts(), *random_texts(JAPANESE)]:
        for word in words.tokenize(text):
            for piece in {word, word[:1], "##" + word[1:], "##" + word[-1:], "##" + word[1:2]}:
                counts[piece] = counts.get(piece, 0) + 1
    kept = sorted((p for p in counts if len(p.split()) == 1 and p not in ("##", "[MASK]", "[SEP]")),
                  key=lambda p: (-counts[p], p))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return "".join(t + "\n" for t in tokens + [p for i, p in enumerate(kept[:900]) if i % 9])


def chinese_vocabulary(config):
    """Words of a dictionary, and of all words the characters, but for some."""
    import rjieba
    counts = {}
    for text, _ in [*all_texts(), *random_texts(CHINESE)]:
        for word, _, _ in rjieba.tokenize(text if "do_lower_case" in config else text.lower(), hmm=False):
            for piece in {word, *word, "##" + word[1:], "##" + word[-1:]}:
                counts[piece] = counts.get(piece, 0) + 1
    kept = sorted((p for p in counts if p.strip("#") and len(p.split()) == 1),
                  key=lambda p: (-counts[p], p))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return "".join(t + "\n" for t in tokens + [p for i, p in enumerate(kept[:700]) if i % 7])


def roformer(folder):
    """This transformers looks for words in the path of vocab.txt; a tokenizer that was saved and
    loaded again looks for them in the vocabulary, as its documentation says."""
    with tempfile.TemporaryDirectory() as saved:
        AutoTokenizer.from_pretrained(folder).save_pretrained(saved)
        shutil.copy(folder / "config.json", saved)
        return AutoTokenizer.from_pretrained(saved).backend_tokenizer


class Japanese(Words):
    """With Debian's dictionary, whatever the folder asks for."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(
            folder, mecab_kwargs={"mecab_dic": None, "mecab_option": DEBIAN})


def write(name, model_type, config, files, more=()):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, content in {**files, "config.json": json.dumps({"model_type": model_type}),
                          "tokenizer_config.json": json.dumps(config)}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / file).write_bytes(data)
    characters = model_type == "canine"
    make = Words if name in WORDS else Japanese if name in JAPAN else {"canine": Characters, "esm": Residues}.get(model_type)
    tokenizer = make(folder) if make else reference(folder, model_type)
    cases = []
    for text, pair in [*all_texts(), *more]:
        if characters and len(text) > 60 or model_type == "esm" and "\x1c" in text:
            continue  # Python divides words at separators that Unicode calls no white space
        e = tokenizer.encode(text, pair)
        case = {"text": text, **({"pair": pair} if pair is not None else {}), "ids": e.ids}
        if not issubclass(make or object, Words):
            case.update(offsets=[list(o) for o in e.offsets], type_ids=e.type_ids)
        cases.append(case)
    (folder / "expected.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


def main():
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    for name, (model_type, config) in WORDS.items():
        if not sys.argv[1:] or name in sys.argv:
            more = list(random_texts(TWEETS if "tweet" in name else PARTS))
            corpus = [text for text, _ in [*all_texts(), *more]] + texts.SENTENCES
            write(name, model_type, config, word_files(model_type, config, corpus), more)
    for name, config in JAPAN.items():
        if not sys.argv[1:] or name in sys.argv:
            write(name, "bert", config, {"vocab.txt": japanese_vocabulary(config)},
                  random_texts(JAPANESE))
    for name, config in CHINA.items():
        if not sys.argv[1:] or name in sys.argv:
            write(name, "roformer", config, {"vocab.txt": chinese_vocabulary(config)},
                  random_texts(CHINESE, 160))
    if sys.argv[1:]:
        return
    for name, (file, model_type, config, options) in CASES.items():
        write(name, model_type, config, {file: train(options)})
    model = json.loads((ROOT / "tiny" / "roberta-plain" / "tokenizer.json").read_text())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    for name, (model_type, config, renamed) in BYTES.items():
        vocabulary = {renamed.get(token, token): i for token, i in model["vocab"].items()}
        write(name, model_type, config, {
            "vocab.json": json.dumps(vocabulary),
            "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n"})
    bert = (ROOT / "tiny" / "bert-vocab-txt" / "vocab.txt").read_text()
    for name, renamed in WORDPIECE.items():
        lines = "".join(renamed.get(line.strip(), line.strip()) + "\n" for line in bert.splitlines())
        write(name, name, {}, {"vocab.txt": lines})
    write("esm", "esm", {"tokenizer_class": "EsmTokenizer"}, {"vocab.txt": "\n".join(RESIDUES)},
          PROTEINS)
    write("canine", "canine", {"tokenizer_class": "CanineTokenizer"}, {}, CHARACTERS)


if __name__ == "__main__":
    main()
