"""
Makes harness/fixtures/metrics-table.json: what lm-evaluation-harness 0.4.13, with sacrebleu and scikit-learn, computes of
made-up sentences and classes, with its standard errors. Run from the root of the repository:

    DISABLE_MULTIPROC=1 python harness/scripts/metrics-table.py
"""

import json
import random

from lm_eval.api import metrics

WORDS = "the a small old house stands near river , where 3.5 boats (two of them) wait for U.S. traders ; \"yes\" they said - 漢字 Straße don't &amp; it's 1,000 km".split()
rng = random.Random(5)


def sentence():
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, 14))) + rng.choice(["", ".", " !", "\n"])


def changed(text):
    words = text.split(" ")
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(words))
        way = rng.random()
        if way < 0.3:
            words[at] = rng.choice(WORDS)
        elif way < 0.5:
            words.insert(at, rng.choice(WORDS))
        elif way < 0.8:
            run = words[at : at + 3]
            del words[at : at + 3]
            to = rng.randint(0, len(words))
            words[to:to] = run
        elif len(words) > 1:
            del words[at]
    return " ".join(words)


texts = [(text := sentence(), changed(text)) for _ in range(60)]
texts += [("", ""), ("a", ""), ("", "a")]
pairs = {2: [(rng.randrange(2), rng.randrange(2)) for _ in range(25)], 3: [(rng.randrange(3), rng.randrange(3)) for _ in range(25)]}
probabilities = [(rng.randrange(3), metrics.np.array([0.2, 0.3, 0.5])) for _ in range(5)]
values = [round(-rng.random() * 4, 3) for _ in range(20)]


def both(name, items, iters):
    function = getattr(metrics, name)
    return {"value": float(function(items)), "stderr": float(metrics.bootstrap_stderr(function, items, iters)) if iters else None}


table = {
    "texts": texts,
    "segments": [
        {name: float(metrics.sacrebleu.__dict__[f"corpus_{name}"]([hyp], [[ref]]).score) for name in ("bleu", "chrf", "ter")}
        for ref, hyp in texts
    ],
    "corpus": {name: both(function, texts, 100) for name, function in (("bleu", "bleu"), ("chrf", "chrf"), ("chrf++", "chrfpp"), ("ter", "ter"))},
    "pairs": list(pairs.values()),
    "f1": both("f1_score", pairs[2], 2000),
    "matthews_corrcoef": [both("matthews_corrcoef", one, 2000) for one in pairs.values()],
    "probabilities": [[gold, list(map(float, p))] for gold, p in probabilities],
    "brier_score": both("brier_score", probabilities, 0),
    "values": values,
    "perplexity": both("perplexity", values, 2000),
    "median": both("median", values, 2000),
}
with open("harness/fixtures/metrics-table.json", "w") as file:
    json.dump(table, file, ensure_ascii=False, indent=1)
    file.write("\n")
