"""Small tokenizers in the published formats, for the tiny models.

Each function returns (tokenizer, tokenizer_config): a tokenizers.Tokenizer whose serialisation is
tokenizer.json, and the members of tokenizer_config.json.
"""

import string

import texts
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
PIECES = """##ing ##s ##ed ##er ##ly ##tion ##al ##ment ##ness ##able ##ize ##ar ##on ##th un re pre
inter nation photo synth electro count happy person dog sunny quick brown fox jump lazy eat bread
sentence question mark query passage""".split()
OTHER = ("\u00e9\u00fc\u00df\u00e7\u4e2d\u6587\u65e5\u672c"
         "\u0434\u043c\u03c3\u03c2\u05d0\u0627\u0e01\u1112\u1161\U0001f600")
CASED = "The A That This Today Smith I E\u0301 \u00c9".split()
# What the BPE tokenizer learns from: words with the frequencies English gives them.
CORPUS = [" ".join(texts.WORDS[:k]) for k in range(4, len(texts.WORDS), 3)] + texts.SENTENCES * 4


def wordpiece_vocabulary(cased, limit):
    letters = string.ascii_lowercase + (string.ascii_uppercase if cased else "") + string.digits
    tokens = BERT_SPECIAL + list(string.punctuation) + list(letters) + ["##" + c for c in letters]
    tokens += list(OTHER) + PIECES + (CASED if cased else []) + texts.WORDS
    return list(dict.fromkeys(tokens))[:limit]


def bert_tokenizer(cased=False, strip_accents=None, limit=260, max_length=64, special=BERT_SPECIAL):
    names = dict(zip(BERT_SPECIAL, special))
    vocabulary = {names.get(t, t): i for i, t in enumerate(wordpiece_vocabulary(cased, limit))}
    pad, unk, cls, sep, mask = special
    t = Tokenizer(models.WordPiece(vocabulary, unk_token=unk, max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True,
                                              strip_accents=strip_accents, lowercase=not cased)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0", pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(cls, vocabulary[cls]), (sep, vocabulary[sep])])
    t.decoder = decoders.WordPiece(prefix="##")
    t.add_special_tokens([AddedToken(s, normalized=False) for s in special])
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": not cased,
              "strip_accents": strip_accents, "tokenize_chinese_chars": True,
              "model_max_length": max_length, "pad_token": pad, "unk_token": unk, "cls_token": cls,
              "sep_token": sep, "mask_token": mask}
    return t, config


def generic_config(max_length, mask="<mask>"):
    return {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_length,
            "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>",
            "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": mask,
            "model_input_names": ["input_ids", "attention_mask"]}


def roberta_tokenizer(max_length=64):
    t = Tokenizer(models.BPE(unk_token=None))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=380, special_tokens=ROBERTA_SPECIAL[:4], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    t.add_special_tokens([*ROBERTA_SPECIAL[:4], AddedToken("<mask>", lstrip=True)])
    t.post_processor = processors.RobertaProcessing(
        ("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")),
        trim_offsets=True, add_prefix_space=False)
    return t, generic_config(max_length)


def qwen_tokenizer(max_length=64):
    """As Qwen3-Embedding has it: byte-level, its own words, a text ends with <|endoftext|>."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    t = Tokenizer(models.BPE(unk_token=None))
    t.normalizer = normalizers.NFC()
    words = Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
                  r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(words, behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=380, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    t.add_special_tokens([AddedToken(s, normalized=False) for s in special])
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single="$A:0 <|endoftext|>:0", pair="$A:0 $B:1 <|endoftext|>:0",
            special_tokens=[("<|endoftext|>", t.token_to_id("<|endoftext|>"))])])
    return t, {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_length,
               "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
               "model_input_names": ["input_ids", "attention_mask"]}


def t5_tokenizer(max_length=64):
    """A text ends with </s> and begins with nothing."""
    t, config = xlm_roberta_tokenizer(max_length)
    t.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>",
        special_tokens=[("</s>", t.token_to_id("</s>"))])
    return t, {k: v for k, v in config.items() if k not in ("bos_token", "cls_token", "sep_token")}


def unigram_pieces():
    """(piece, log probability): words by rank, then word parts, then letters."""
    parts = [p.removeprefix("##") for p in PIECES]
    pieces = ["\u2581" + w for w in texts.WORDS[:120]] + parts + ["\u2581"]
    pieces += list(string.ascii_letters + string.digits + string.punctuation + OTHER)
    return [(p, -3.0 - 0.03 * i) for i, p in enumerate(dict.fromkeys(pieces))]


def xlm_roberta_tokenizer(max_length=64):
    t = Tokenizer(models.Unigram([(s, 0.0) for s in ROBERTA_SPECIAL[:4]] + unigram_pieces(),
                                 unk_id=3))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(),
                                         normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    t.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    t.add_special_tokens([*ROBERTA_SPECIAL[:4], AddedToken("<mask>", lstrip=True)])
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(s, t.token_to_id(s)) for s in ("<s>", "</s>")])
    return t, generic_config(max_length)


def mpnet_tokenizer(max_length=64):
    special = ["<pad>", "[UNK]", "<s>", "</s>", "<mask>"]
    t, _ = bert_tokenizer(special=special, max_length=max_length)
    t.post_processor = processors.RobertaProcessing(
        ("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")),
        trim_offsets=False, add_prefix_space=False)
    return t, {**generic_config(max_length), "unk_token": "[UNK]"}
