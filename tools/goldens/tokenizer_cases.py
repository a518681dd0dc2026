#!/usr/bin/env python3
"""Write tests/goldens/tokenizers/*.json: small tokenizers and what the reference makes of texts.

usage: tools/goldens/tokenizer_cases.py          needs tokenizers==0.23.3

Each file is {"tokenizer": {...}, "cases": [...]}. A case has a text, perhaps a pair, options, and
either the arrays that come out or "error": true. tests/tokenizers/tokenizer_test.c replays them.
"""

import json
import pathlib

import tokenizers
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens" / "tokenizers"

LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789.,!?'-#@_()[]<>/|:;")
PIECES = ["the", "quick", "brown", "un", "aff", "able", "hello", "world", "token", "ize", "ing",
          "caf", "e", "東", "京", "é", "ß", "ё", "м", "и", "р", "한", "न", "म", "ا", "ب", "ﬁ", "fi",
          "1", "23", "can", "not", "don", "t", "s", "day", "i", "\u0307", "\u0301", "👍", "Hello",
          "World", "A", "B", "C", "É", "CAF", "▁", "▁the", "▁hello", "Ġthe", "Ġ", "Ġhello", "Ã",
          "©", "Ġ,"]
TEXTS = ["", " ", "hello world", "  Hello,   WORLD!  ", "The quick brown fox can't tokenize.",
         "unaffable unaffableness", "café CAFÉ cafe\u0301 e\u0301\u0323 e\u0323\u0301",
         "東京 is 東京都", "ǅ İstanbul ẞ ß ΑΣ ﬁ ① Ⅷ ｈｅｌｌｏ", "мир Ёлка", "한국어 각 \u1112\u1161\u11ab",
         "नमस्ते", "مرحبا بالعالم", "tab\there\nand\r\nthere\x0b\x0c\x85\u2028\u00a0\u3000end",
         "nul\0 in \x01 the \x7f middle \ufffd \ufeff \u200b \u200d \u00ad", "👩‍👩‍👧‍👦 👍🏽 🇩🇪",
         "a,b.c!d?e-f_g", "1234 5 ٣٤ ½ ²", "x" * 99 + " " + "x" * 100 + " " + "x" * 101,
         "[CLS] typed [SEP] <mask> [MASK] </s>", "hello<mask>world  <mask>  the", "day today mondayday day",
         "DAY Monday MONDAY day", " <mask>", "<mask> ", "the the the the the the the the the", "'s 't don't we'll I'd",
         "hello   the  the ", "aaa\u0301\u0302\u0303\u0304\u0305\u0316\u0317\u0318\u0319\u031c\u0334\u0335\u0336\u0337\u0338\u0345z",
         "\u0344\u0323 \u0958 \u212b \u1e9b\u0323 \ufb2c", "Å A\u030a a\u0323\u030a\u0301", "▁the hello▁world",
         "http://the.world/hello?a=1", "e\u0301", "\u0301e", "a\u0315\u0300\u05ae\u0300b", "\U0001d15e\U0001d1bb \U000110ab"]
PAIRS = [("hello world", "the quick brown"), ("", "the"), ("the", ""), ("", ""),
         ("the quick brown fox can't", "hello"), ("<mask> the", " hello <mask>")]


def vocabulary(*more, prefix="##"):
    tokens = list(more)
    for token in PIECES + LETTERS:
        tokens += [token, prefix + token] if prefix else [token]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def record(tokenizer, text, pair, options):
    most, special = options.get("max_tokens"), options.get("add_special", True)
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = options.get("special_as_text", False)
    case = {"text": text, **({} if pair is None else {"pair": pair}), **options}
    try:
        total = len(tokenizer.encode(text, pair, add_special_tokens=special).ids)
        if most is not None:
            tokenizer.enable_truncation(most, direction=options.get("side", "right"),
                                        strategy=options.get("strategy", "longest_first"))
        e = tokenizer.encode(text, pair, add_special_tokens=special)
    except Exception:
        return {**case, "error": True}
    finally:
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = False
    return {**case, "ids": e.ids, "type_ids": e.type_ids, "offsets": [list(o) for o in e.offsets],
            "special": e.special_tokens_mask, "sequence_ids": e.sequence_ids, "total": total,
            **({} if options.get("side") == "left" else {"word_ids": e.word_ids}),
            "decoded": tokenizer.decode(e.ids, skip_special_tokens=True),
            "decoded_all": tokenizer.decode(e.ids, skip_special_tokens=False)}


# For tokenizers that cut by regular expressions: where those of Oniguruma and of others differ.
DIALECT = ["a  \u180eb \u180e c", "\u0301a \u0915\u093f\u0902 x\u0301y a\u203fb _a_ \u00b2 \u2167 1\u0663",
           "face beef 0x1F g", "11111 222 1 22", "\U0002ebf0a\u1c89 \u0897\U00031350", "\u00e9a\u00e9 aa", "a-b--c \u0301-", "]a[ ]]"]


# Characters that several scripts share, and newer ones.
SCRIPTS = ["カー・ヒラ 々〆 \u302a東\u302b ㍠ ㌔ ㆐", "x\u0301 й\u0483 ก\u0e3f", "\U0001b132ひー\U0001b155 \u0cf3 \U0001e030",
           "\u30fc\u30a0\u3031ー ａ ｱ\uff70", "₠$ \u060c\u061f \u0964 a\u00b7b"]
MORE = {"regex": DIALECT, "scripts": SCRIPTS, "added-spaces": ["a  a", "a   a", "a \t a", "a \n \n a", "a\n\na", "\n \n", "a\t\n\t\nb"],
        "unigram-ties": [n * c for c in "abcdefg" for n in (4, 5, 7, 29, 31)]}


def cases(tokenizer, more=()):
    for text in (*TEXTS, *more):
        yield record(tokenizer, text, None, {})
    for text in TEXTS[2:8] + TEXTS[19:23]:
        yield record(tokenizer, text, None, {"add_special": False})
        yield record(tokenizer, text, None, {"special_as_text": True})
        for most in (2, 3, 5):
            yield record(tokenizer, text, None, {"max_tokens": most})
            yield record(tokenizer, text, None, {"max_tokens": most, "side": "left"})
    for text, pair in PAIRS:
        yield record(tokenizer, text, pair, {})
        yield record(tokenizer, text, pair, {"add_special": False})
        for most in (4, 6, 7):
            for strategy in ("longest_first", "only_first", "only_second"):
                yield record(tokenizer, text, pair, {"max_tokens": most, "strategy": strategy})
            yield record(tokenizer, text, pair, {"max_tokens": most, "side": "left"})


SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEMPLATE = {"single": "[CLS] $A [SEP]", "pair": "[CLS] $A [SEP] $B:1 [SEP]:1",
            "special_tokens": [("[CLS]", 2), ("[SEP]", 3)]}


def bert(normalizer, **model):
    t = Tokenizer(models.WordPiece(vocabulary(*SPECIALS, "<mask>"), unk_token="[UNK]", **model))
    t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(**TEMPLATE)
    t.decoder = decoders.WordPiece()
    t.add_special_tokens(SPECIALS)
    return t


def words(normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None, added=(),
          model=None):
    t = Tokenizer(model or models.WordLevel(vocabulary("<unk>", prefix=""), unk_token="<unk>"))
    if normalizer:
        t.normalizer = normalizer
    if pre_tokenizer:
        t.pre_tokenizer = pre_tokenizer
    if post_processor:
        t.post_processor = post_processor
    if decoder:
        t.decoder = decoder
    t.add_tokens(list(added))
    return t


def pieces(**parts):
    """Every character is covered, so that every normalizer shows in ids and offsets."""
    return words(model=models.WordPiece(vocabulary("<unk>", "[UNK]"), unk_token="[UNK]",
                                        max_input_chars_per_word=1000), **parts)


def added_tokens():
    return [AddedToken("<mask>", lstrip=True, special=True, normalized=False),
            AddedToken("</s>", rstrip=True, special=True, normalized=False),
            AddedToken("day", single_word=True), AddedToken("Monday", normalized=True),
            AddedToken("hello world", normalized=True), AddedToken("hello", normalized=False),
            AddedToken("hell", normalized=False), AddedToken("Café"),
            AddedToken("[MASK]", special=True, lstrip=True, rstrip=True)]


def tokenizers_to_record():
    n, p, d = normalizers, pre_tokenizers, decoders
    yield "bert-uncased", bert(n.BertNormalizer())
    yield "bert-cased", bert(n.BertNormalizer(lowercase=False))
    yield "bert-accents", bert(n.BertNormalizer(strip_accents=False))
    yield "bert-only-accents", bert(n.BertNormalizer(False, False, True, False))
    yield "bert-no-clean", bert(n.BertNormalizer(clean_text=False, handle_chinese_chars=False))
    yield "bert-short-words", bert(n.BertNormalizer(), max_input_chars_per_word=5)
    t = bert(n.BertNormalizer())
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.add_tokens(added_tokens())
    yield "bert-processing-added", t
    for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents", "ByteLevel"):
        yield f"normalizer-{name.lower()}", pieces(normalizer=getattr(n, name)(), pre_tokenizer=p.Whitespace())
    yield "normalizer-sequence", pieces(
        normalizer=n.Sequence([n.NFKD(), n.StripAccents(), n.Lowercase(), n.Strip(), n.NFC(),
                               n.Replace("the", "a "), n.Replace(Regex(r"\s+"), " "), n.Prepend("▁")]),
        pre_tokenizer=p.WhitespaceSplit(), added=added_tokens())
    yield "normalizer-strip-left", pieces(normalizer=n.Sequence([n.Strip(True, False), n.Prepend("_")]))
    yield "normalizer-strip-right", pieces(normalizer=n.Strip(False, True))
    yield "normalizer-replace", pieces(
        normalizer=n.Sequence([n.Replace("e", "éß"), n.Replace(Regex("[aeiou]"), ""), n.Replace("``", '"')]),
        pre_tokenizer=p.Whitespace())
    yield "whitespace", words(pre_tokenizer=p.Whitespace(), added=added_tokens())
    yield "whitespace-split", words(pre_tokenizer=p.WhitespaceSplit())
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        yield f"punctuation-{behavior}", pieces(pre_tokenizer=p.Punctuation(behavior))
        yield f"split-{behavior}", pieces(pre_tokenizer=p.Sequence(
            [p.Split(Regex(r"\p{L}+|\d"), behavior, invert=behavior == "removed"),
             p.Split(" ", behavior)]))
    for name, regex in (("classes", r"[\s\h]+|[^\S\n]|[[:space:]x]"), ("words", r"\w+|[^\w\s]"),
                        ("edges", r"\b|\B-|\u00e9"), ("newer", r"\p{L}+|[^\p{L}\s]\P{M}|\pM"), ("posix", r"[[:punct:]]+|[[:alpha:]]+|[[:upper:][:alnum:]]"), ("no-words", r"[\W1]|[^\Wa]+|[\W]{2}|\W"),
                        ("repeated", r"\p{N}{1,3}+|(?:a|-){2}+b?|[]x]++|\H{2}")):
        yield f"regex-{name}", pieces(pre_tokenizer=p.Split(Regex(regex), "isolated"))
    yield "digits", pieces(pre_tokenizer=p.Sequence([p.Digits(True), p.WhitespaceSplit()]))
    yield "digits-runs", pieces(pre_tokenizer=p.Digits(False))
    yield "char-delimiter", pieces(pre_tokenizer=p.CharDelimiterSplit("e"))
    yield "fixed-length", pieces(pre_tokenizer=p.FixedLength(3))
    for scheme in ("always", "first", "never"):
        yield f"metaspace-{scheme}", pieces(pre_tokenizer=p.Metaspace(prepend_scheme=scheme),
                                            decoder=d.Metaspace(prepend_scheme=scheme), added=added_tokens())
    yield "metaspace-whole", pieces(pre_tokenizer=p.Metaspace(split=False), decoder=d.Metaspace())
    mask = [AddedToken("<mask>", lstrip=True, special=True, normalized=False)]
    for prefix in (True, False):
        yield f"byte-level-{'prefix' if prefix else 'plain'}", pieces(
            pre_tokenizer=p.ByteLevel(add_prefix_space=prefix), decoder=d.ByteLevel(), added=mask,
            post_processor=processors.ByteLevel(trim_offsets=True, add_prefix_space=prefix))
        yield f"roberta-{'prefix' if prefix else 'plain'}", pieces(
            pre_tokenizer=p.ByteLevel(add_prefix_space=prefix), decoder=d.ByteLevel(), added=mask,
            post_processor=processors.RobertaProcessing(("</s>", 2), ("<s>", 1), prefix, prefix))
    yield "post-sequence", pieces(
        pre_tokenizer=p.ByteLevel(use_regex=False), decoder=d.ByteLevel(),
        post_processor=processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing(
            single="<a> <a> $A", pair="$B:3 <a>:2 $A:1", special_tokens=[("<a>", 7)])]))
    yield "decode-bpe", pieces(decoder=d.BPEDecoder("e"))
    yield "decode-bpe-spread", pieces(decoder=d.BPEDecoder(""))
    yield "decode-nothing", pieces(decoder=d.Sequence([]))
    yield "decode-ctc", pieces(decoder=d.CTC("e", "o", True))
    yield "decode-sequence", pieces(decoder=d.Sequence(
        [d.Replace("##", ""), d.Replace(Regex("[tq]"), "<0xE6>"), d.ByteFallback(), d.Fuse(), d.Strip("h", 1, 0)]))
    yield "scripts", pieces(pre_tokenizer=p.Split(
        Regex(r"\p{Han}|\p{Katakana}+|[\p{Thai}\p{Cyrillic}]+|[^\P{Latin}x]+|\P{^Arabic}|[^\p{Hiragana}\s]\p{Common}"), "isolated"))
    yield "added-spaces", words(added=[AddedToken(" ", rstrip=True, normalized=False),
                                       AddedToken("\n", lstrip=True, rstrip=True, normalized=False)])
    yield "no-unknown", words(model=models.WordLevel({"hello": 0, "world": 5}, unk_token="<none>"),
                              pre_tokenizer=p.Whitespace(), added=[AddedToken("the"), AddedToken("world", special=True)])


CORPUS = ["the quick brown fox jumps over the lazy dog", "hello world, hello token", "unaffable",
          "tokenize tokenizing tokens", "café naïve", "can't don't won't", "東京 東京都", "day today"] * 4


def bpe(normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None, added=(),
        initial=(), specials=("<unk>",), trainer=None, **options):
    """A small BPE model trained on CORPUS."""
    t = words(normalizer, pre_tokenizer, model=models.BPE(unk_token=options.get("unk_token")))
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(specials), initial_alphabet=list(initial),
        show_progress=False, **(trainer or {})))
    definition = json.loads(t.to_str())
    definition["model"].update(options)
    definition["added_tokens"] = []
    t = Tokenizer.from_str(json.dumps(definition))
    if decoder:
        t.decoder = decoder
    if post_processor:
        t.post_processor = post_processor
    t.add_tokens(list(added))
    return t


def bpe_tokenizers():
    n, p, d = normalizers, pre_tokenizers, decoders
    alphabet = p.ByteLevel.alphabet()
    mask = [AddedToken("<mask>", lstrip=True, special=True, normalized=False)]
    yield "bpe-byte-level", bpe(pre_tokenizer=p.ByteLevel(add_prefix_space=False), initial=alphabet,
                                decoder=d.ByteLevel(), added=mask)
    yield "bpe-roberta", bpe(pre_tokenizer=p.ByteLevel(), initial=alphabet, decoder=d.ByteLevel(),
                             added=mask, specials=("<s>", "<pad>", "</s>", "<unk>"),
                             post_processor=processors.RobertaProcessing(("</s>", 2), ("<s>", 0)))
    yield "bpe-ignore-merges", bpe(
        pre_tokenizer=p.Sequence([p.Split(Regex(r"\p{N}{1,3}| ?\p{L}+|\s+(?!\S)|\s+|[^\s\p{L}\p{N}]+"), "isolated"),
                                  p.ByteLevel(add_prefix_space=False, use_regex=False)]),
        initial=alphabet, decoder=d.ByteLevel(), ignore_merges=True)
    fallback = [f"<0x{i:02X}>" for i in range(256)]
    llama = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    yield "bpe-llama", bpe(normalizer=n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]), decoder=llama,
                           specials=("<unk>", *fallback), unk_token="<unk>", byte_fallback=True,
                           fuse_unk=True, added=added_tokens())
    yield "bpe-some-bytes", bpe(specials=("<unk>", *fallback[:160]), unk_token="<unk>",
                                byte_fallback=True, fuse_unk=True)
    yield "bpe-suffix", bpe(normalizer=n.Lowercase(), pre_tokenizer=p.Whitespace(), decoder=d.BPEDecoder(),
                            trainer={"end_of_word_suffix": "</w>"}, unk_token="<unk>",
                            end_of_word_suffix="</w>")
    yield "bpe-prefix", bpe(pre_tokenizer=p.WhitespaceSplit(), decoder=d.WordPiece(),
                            trainer={"continuing_subword_prefix": "##"}, unk_token="<unk>",
                            continuing_subword_prefix="##", fuse_unk=True)
    scored = [("<unk>", 0.0)] + [(token, -1.5 - i * 0.37 % 3 - 1 / len(token))
                                 for i, token in enumerate(vocabulary(*PIECES, prefix="▁"))]
    for name, more, fallback_on in (("plain", [], False), ("bytes", fallback, True), ("some-bytes", fallback[:160], True)):
        yield f"unigram-{name}", words(
            n.Sequence([n.NFKC(), n.Replace(Regex(" {2,}"), " ")]), p.Metaspace(), decoder=d.Metaspace(), added=added_tokens(),
            model=models.Unigram(scored + [(token, -20.0) for token in more], unk_id=0, byte_fallback=fallback_on))
    # Sums that are equal but for the last bit of how a score was read.
    yield "unigram-ties", words(model=models.Unigram(
        [("<unk>", 0.0), *((c, -7.0 - i / 7) for i, c in enumerate("abcdefg")),
         *((c + c, -7.9965800789184005 - i / 11) for i, c in enumerate("abcdefg")),
         *((3 * c, -9.018642552939163 - i / 13) for i, c in enumerate("abcdefg"))], unk_id=0))
    # A piece twice, and unknown pieces whose white space is left out of their offsets.
    yield "unigram-trimmed", words(model=models.Unigram(scored + [scored[5], ("zz", -3.0)], unk_id=0),
                                   post_processor=processors.ByteLevel(trim_offsets=True),
                                   added=[AddedToken("quick"), AddedToken("<mask>", rstrip=True)])
    yield "unigram-whole", words(model=models.Unigram(scored, unk_id=0), decoder=d.Fuse())
    yield "bpe-no-unknown", bpe(pre_tokenizer=p.Metaspace(), decoder=d.Metaspace())


def main():
    assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
    OUT.mkdir(parents=True, exist_ok=True)
    for name, tokenizer in (*tokenizers_to_record(), *bpe_tokenizers()):
        definition = json.dumps(json.loads(tokenizer.to_str()), separators=(",", ":"))
        tokenizer = Tokenizer.from_str(definition)  # numbers are read as the package reads them
        rows = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":"))
                          for case in cases(tokenizer, MORE.get(name.split("-")[0] if name.startswith("regex") else name, ())))
        (OUT / f"{name}.json").write_text(
            f'{{"tokenizer":{definition},\n"cases":[\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
