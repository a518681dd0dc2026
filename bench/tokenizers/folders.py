"""Tokenizer folders of every family at published sizes, learnt from given lines, so that speed and
memory are those of real ones. Each is made once and kept."""

import collections
import io
import json
import math
import pathlib

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
# How models of the GPT-4 family cut text.
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
        r"\s*[\r\n]+|\s+(?!\S)|\s+")
BYTES = [f"<0x{i:02X}>" for i in range(256)]


def template(cls, sep, pair, t):
    return processors.TemplateProcessing(single=f"{cls} $A {sep}", pair=pair, special_tokens=[
        (s, t.token_to_id(s)) for s in (cls, sep)])


def wordpiece(lines, cased=False, size=30522, chinese=True):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(lowercase=not cased, handle_chinese_chars=chinese)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(lines, trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=BERT_SPECIAL, show_progress=False))
    t.add_special_tokens([AddedToken(s, normalized=False) for s in BERT_SPECIAL])
    t.post_processor = template("[CLS]", "[SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", t)
    return t


def byte_level(lines, size=50265):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=size, special_tokens=ROBERTA_SPECIAL, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    t.add_special_tokens([*ROBERTA_SPECIAL, AddedToken("<mask>", lstrip=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    return t


def split_byte_level(lines, size=50000):
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(GPT4), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=size, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    t.add_special_tokens(["<|endoftext|>", "<|im_start|>"])
    return t


def byte_fallback(lines, size=32000):
    """As models of the Llama family: no pre-tokeniser, so that BPE sees whole texts."""
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.normalizer = normalizers.Replace(" ", "\u2581")
    t.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    t.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<unk>", "<s>", "</s>", *BYTES], show_progress=False))
    definition = json.loads(t.to_str())
    definition["added_tokens"], definition["pre_tokenizer"] = [], None
    t = Tokenizer.from_str(json.dumps(definition))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"),
                                         normalizers.Replace(" ", "\u2581")])
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                   decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B",
                                                     special_tokens=[("<s>", 1)])
    return t


def charsmap(lines, rule):
    """The normalisation table that sentencepiece puts into its models."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines[:2000]), model_writer=model, vocab_size=400,
        hard_vocab_limit=False, character_coverage=0.98, normalization_rule_name=rule, minloglevel=2)
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def counted_pieces(lines, size, longest=16):
    """(piece, log probability) of the most frequent words and parts of words, and of all letters."""
    words = collections.Counter("\u2581" + w for line in lines for w in line.split())
    parts, single = collections.Counter(), collections.Counter()
    for word, n in words.items():
        if len(word) <= longest:
            parts[word] += n
        for length in (2, 3, 4, 5, 6):
            for i in range(len(word) - length + 1):
                parts[word[i:i + length]] += n
        for letter in word:
            single[letter] += n
    chosen = dict(single.most_common(size // 4))
    for piece, n in parts.most_common(size):
        if len(chosen) < size:
            chosen.setdefault(piece, n)
    total = sum(chosen.values())
    return [(piece, math.log(n / total)) for piece, n in chosen.items()]


def unigram(lines, size=250002):
    """As XLM-RoBERTa: a quarter of a million pieces behind sentencepiece's own normalisation."""
    special = [(s, 0.0) for s in ROBERTA_SPECIAL]
    t = Tokenizer(models.Unigram(special + counted_pieces(lines, size - 5), unk_id=3))
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap(lines, "nmt_nfkc")),
                                         normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(),
                                               pre_tokenizers.Metaspace()])
    t.decoder = decoders.Metaspace()
    t.add_special_tokens([*ROBERTA_SPECIAL, AddedToken("<mask>", lstrip=True)])
    t.post_processor = template("<s>", "</s>", "<s> $A </s> </s> $B </s>", t)
    return t


def unigram_lower(lines, size=30000):
    """As ALBERT: quotes, accents and case go first, then sentencepiece's normalisation."""
    n = normalizers
    t = Tokenizer(models.Unigram([("<pad>", 0.0), ("<unk>", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0)] +
                                 counted_pieces([line.lower() for line in lines], size - 5), unk_id=1))
    t.normalizer = n.Sequence([n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(),
                               n.Lowercase(), n.Precompiled(charsmap(lines, "nfkc")),
                               n.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    t.add_special_tokens(["<pad>", "<unk>", "[CLS]", "[SEP]", AddedToken("[MASK]", lstrip=True)])
    t.post_processor = template("[CLS]", "[SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", t)
    return t


def unigram_whole(lines, size=128000):
    """As DeBERTa-v3: stripped, words cut at the sign for a space, unknown letters as bytes."""
    n = normalizers
    t = Tokenizer(models.Unigram(
        [("[PAD]", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[UNK]", 0.0)] + [(b, -30.0) for b in BYTES] +
        counted_pieces(lines, size - 261), unk_id=3, byte_fallback=True))
    t.normalizer = n.Sequence([n.Strip(), n.Precompiled(charsmap(lines, "nmt_nfkc")),
                               n.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace()])
    t.decoder = decoders.Metaspace()
    t.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"])
    t.post_processor = template("[CLS]", "[SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", t)
    return t


def word_level(lines, size=50000):
    n, p = normalizers, pre_tokenizers
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = n.Sequence([n.NFKC(), n.Lowercase(), n.Strip()])
    t.pre_tokenizer = p.Sequence([p.UnicodeScripts(), p.Whitespace(), p.Digits(individual_digits=True)])
    t.train_from_iterator(lines, trainers.WordLevelTrainer(
        vocab_size=size, special_tokens=["<unk>"], show_progress=False))
    return t


FAMILIES = {
    "wordpiece-uncased": lambda l: wordpiece(l),
    "wordpiece-cased": lambda l: wordpiece(l, cased=True, size=119547),
    "bpe-byte-level": byte_level,
    "bpe-split-regex": split_byte_level,
    "bpe-byte-fallback": byte_fallback,
    "unigram-250k": unigram,
    "unigram-lower": unigram_lower,
    "unigram-bytes": unigram_whole,
    "word-level-scripts": word_level,
}


def make(family, folder, lines):
    """folder/tokenizer.json of a family, made when it is not there."""
    path = pathlib.Path(folder) / "tokenizer.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        FAMILIES[family](lines).save(str(path))
    return path
