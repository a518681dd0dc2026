"""The texts that every benchmark of encoders measures, the same for inferd and for its peers.

A workload is a list of texts; a measurement embeds all of them once. Texts are made of common
English words (one token each, mostly) from a fixed seed, so they are the same on every machine.
Python's standard library only.
"""

import random

WORDS = """the of and to in a is that for it as was with be by on not he i this are or his from at
which but have an had they you were their one all we can her has there been if more when will would
who so no said what up its about into than them only other new some could time these two may then do
first any my now such like our over man me even most made after also did many before must through
back years where much your way well down should because each just those people mr how too little
state good very make world still own see men work long get here between both life being under never
day same another know while last might us great old year off come since against go came right used
take three children business language computer probably something internationalization algorithms
photosynthesis embeddings""".split()

MIXED_TEXTS = 64
MIXED_MIN_WORDS, MIXED_MAX_WORDS = 5, 200


def sentence(rng, n_words):
    return " ".join(rng.choice(WORDS) for _ in range(n_words))


def mixed(seed=0, count=MIXED_TEXTS):
    """Texts of 5 to 200 words, every length equally likely, in random order."""
    rng = random.Random(1000 + seed)
    return [sentence(rng, rng.randint(MIXED_MIN_WORDS, MIXED_MAX_WORDS)) for _ in range(count)]


def one(seed=0):
    return [sentence(random.Random(2000 + seed), 10)]


def batch_32x30(seed=0):
    rng = random.Random(3000 + seed)
    return [sentence(rng, 30) for _ in range(32)]


def batch_64x256(seed=0):
    """64 texts that all fill the model's 256 tokens (they are cut there)."""
    rng = random.Random(4000 + seed)
    return [sentence(rng, 260) for _ in range(64)]


def batch_16x256(seed=0):
    return batch_64x256(seed)[:16]


def mixed_16(seed=0):
    return mixed(seed, 16)


# What `inferd` is asked for has a part that the peers are given as it comes out of it: a mask in
# the text, each label as a sentence, the query beside each passage.
MASK = "<mask>"
LABELS = "politics sports science economy health travel technology education music food".split()


def hypothesis(label):
    return "This example is %s." % label


def masked(text):
    words = text.split()
    words[len(words) // 2] = MASK
    return " ".join(words)


def masked_one(seed=0):
    return [masked(t) for t in one(seed)]


def masked_32x30(seed=0):
    return [masked(t) for t in batch_32x30(seed)]


def premises(count, seed=0):
    rng = random.Random(5000 + seed)
    return [sentence(rng, rng.randint(20, 60)) for _ in range(count)]


def zero_shot_one(seed=0):
    """(premise, hypothesis) of one text and ten labels."""
    return [(p, hypothesis(label)) for p in premises(1, seed) for label in LABELS]


def zero_shot_8(seed=0):
    return [(p, hypothesis(label)) for p in premises(8, seed) for label in LABELS]


def rank_100(seed=0):
    """(query, passage) of one query and 100 passages of 20 to 120 words."""
    rng = random.Random(6000 + seed)
    query = sentence(rng, 8)
    return [(query, sentence(rng, rng.randint(20, 120))) for _ in range(100)]


WORKLOADS = {"one": one, "batch_32x30": batch_32x30, "batch_64x256": batch_64x256, "mixed": mixed}
# Of bench/models.py: other sizes of the same, and those of other tasks.
MORE_WORKLOADS = {"batch_16x256": batch_16x256, "mixed_16": mixed_16, "masked_one": masked_one,
                  "masked_32x30": masked_32x30, "zero_shot_one": zero_shot_one,
                  "zero_shot_8": zero_shot_8, "rank_100": rank_100}


def inputs_of(workload):
    return {**WORKLOADS, **MORE_WORKLOADS}[workload]()


def body_of(workload):
    """The request that asks inferd for what the peers compute of inputs_of(workload)."""
    if workload.startswith("zero_shot"):
        texts = list(dict.fromkeys(premise for premise, _ in inputs_of(workload)))
        return {"inputs": texts[0] if len(texts) == 1 else texts,
                "parameters": {"candidate_labels": LABELS, "hypothesis_template": hypothesis("{}")}}
    given = inputs_of(workload)
    if workload.startswith("rank"):
        return {"inputs": {"query": given[0][0], "texts": [passage for _, passage in given]}}
    return {"inputs": given[0] if len(given) == 1 else given}
