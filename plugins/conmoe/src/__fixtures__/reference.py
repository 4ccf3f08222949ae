"""ConMoE a second time, straight from the formulas (differences of weights, no inner products).

Writes reference.json: small random weights and measurements of three layers of four experts, and what the
method must make of them. Run it as `python reference.py` with numpy installed.
"""

import json
from pathlib import Path

import numpy as np

LAYERS, EXPERTS, HIDDEN, WIDTH = 3, 4, 5, 3
EPSILON = 1e-8
SHAPES = {"gate": (WIDTH, HIDDEN), "up": (WIDTH, HIDDEN), "down": (HIDDEN, WIDTH)}

rng = np.random.default_rng(42)
weights = {
    f"model.layers.{layer}.mlp.experts.{expert}.{projection}_proj.weight": np.round(rng.normal(size=shape), 4)
    for layer in range(LAYERS)
    for expert in range(EXPERTS)
    for projection, shape in SHAPES.items()
}
counts = rng.integers(0, 50, size=(LAYERS, EXPERTS))
sums = np.round(counts * rng.uniform(0.1, 2, size=counts.shape), 4)


def distance(a, b):
    deltas = []
    for projection in SHAPES:
        x, y = (weights[f"model.layers.{l}.mlp.experts.{e}.{projection}_proj.weight"] for l, e in (a, b))
        norms = np.linalg.norm(x) + np.linalg.norm(y) + 2 * EPSILON
        deltas.append(2 * np.linalg.norm(x - y) / norms)
    return sum(deltas) / 3


def min_max(x):
    return (x - x.min()) / (x.max() - x.min() + EPSILON)


def compress(members, ratio, selection):
    n = len(members)
    d = np.array([[distance(a, b) if a != b else 0.0 for b in members] for a in members])
    a = np.array([sums[m] / counts[m] if counts[m] > 0 else 0.0 for m in members])
    b = np.array([min(d[i, j] for j in range(n) if j != i) for i in range(n)])
    score = min_max(a) * min_max(b) if selection == "score" else a
    budget = max(1, round((1 - ratio) * n))
    prototypes = sorted(sorted(range(n), key=lambda i: (-score[i], i))[:budget])
    slots = {}
    for i, (layer, _) in enumerate(members):
        nearest = i if i in prototypes else min(prototypes, key=lambda p: (d[i, p], p))
        slots.setdefault(layer, []).append(members[nearest])
    spread = {"min": b.min(), "median": float(np.median(b)), "max": b.max()}
    return slots, spread


cases = []
for scope in (1, 2, 3):
    for ratio in (0.25, 0.5):
        for selection in ("score", "reap"):
            slots, spreads = {}, []
            for first in range(0, LAYERS, scope):
                layers = range(first, min(LAYERS, first + scope))
                own, spread = compress([(l, e) for l in layers for e in range(EXPERTS)], ratio, selection)
                slots.update(own)
                spreads.append(spread)
            options = {"ratio": ratio, "scope": scope, "selection": selection}
            cases.append({"options": options, "slots": list(slots.values()), "replaceability": spreads})

reference = {
    "sizes": {"layers": LAYERS, "experts": EXPERTS, "hidden": HIDDEN, "width": WIDTH},
    "weights": {name: values.ravel().tolist() for name, values in weights.items()},
    "counts": counts.tolist(),
    "sums": sums.tolist(),
    "cases": cases,
}
Path(__file__).with_suffix(".json").write_text(json.dumps(reference) + "\n")
