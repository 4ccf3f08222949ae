"""
Writes the requests that lm-evaluation-harness itself makes of task files, with rows made up by the columns that their
templates name, for task-parity.mjs to compare. Needs Python with lm_eval 0.4.13.

    python harness/scripts/task-requests.py <folder of tasks> <seed> <count> <file of requests>

Reads names of tasks from standard input, one a line, and takes `count` of them in an order drawn by the seed. A task for
which no rows can be made up is passed over, and counted.
"""

import json
import logging
import random
import sys
from pathlib import Path

import datasets
from jinja2 import nodes

from lm_eval import utils
from lm_eval.tasks import TaskManager

logging.disable(logging.CRITICAL)
ROWS = 7
WORDS = ["snow", "Ärger", "漢字", "a b", "don't", "x\ny", " lead", "trail ", "“q”", "3", "{{x}}", "50%", "A", "line\n\nline", "😀", ""]


class Shape:
    """What templates do with a column: nothing known, or a list, a map, a number, one of some values."""

    def __init__(self):
        self.kind = "text"
        self.fields = {}
        self.item = None
        self.least = 0
        self.options = []
        self.parallel = None

    def as_list(self, least=2):
        self.kind = "list" if self.kind != "map" else "map"
        self.least = max(self.least, least)
        self.item = self.item or Shape()
        return self.item

    def field(self, name):
        self.kind = "map"
        return self.fields.setdefault(name, Shape())


def root_of(node, shapes):
    """The shape of an expression that leads to a column; None for others."""
    if isinstance(node, nodes.Name):
        return shapes.setdefault(node.name, Shape())
    if isinstance(node, nodes.Getattr):
        of = root_of(node.node, shapes)
        return None if of is None else of.field(node.attr)
    if isinstance(node, nodes.Getitem):
        of = root_of(node.node, shapes)
        if of is None:
            return None
        if isinstance(node.arg, nodes.Const):
            if isinstance(node.arg.value, str):
                return of.field(node.arg.value)
            return of.as_list(abs(node.arg.value) + 1)
        if isinstance(node.arg, nodes.Slice):
            return None
        index = root_of(node.arg, shapes)
        if index is not None:
            index.kind = "index"
        return of.as_list()
    return None


def learn(node, shapes):
    """Goes through a template and marks what it does with columns."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        learn(node.node.node, shapes)
        for child in node.args:
            learn(child, shapes)
    else:
        for child in node.iter_child_nodes():
            learn(child, shapes)
    if isinstance(node, (nodes.Getattr, nodes.Getitem)):
        root_of(node, shapes)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "index":
        of, args = node.node.node, [root_of(arg, shapes) for arg in node.args]
        for inner in node.args:
            for name in inner.find_all(nodes.Name):
                args.append(shapes.setdefault(name.name, Shape()))
        if isinstance(of, nodes.List):
            for arg in args:
                if arg is not None:
                    arg.options = [item.value for item in of.items if isinstance(item, nodes.Const)]
        else:
            listed = root_of(of, shapes)
            if listed is not None:
                listed.as_list()
                for arg in args:
                    if arg is not None and arg is not listed:
                        arg.parallel = listed
    if isinstance(node, nodes.Getitem) and isinstance(node.node, (nodes.List, nodes.Const)):
        for name in node.arg.find_all(nodes.Name) if not isinstance(node.arg, nodes.Name) else [node.arg]:
            shape = shapes.setdefault(name.name, Shape())
            shape.kind = "index"
        if isinstance(node.node, nodes.List):
            for name in node.arg.find_all(nodes.Name) if not isinstance(node.arg, nodes.Name) else [node.arg]:
                shapes[name.name].least = len(node.node.items)
    elif isinstance(node, (nodes.Sub, nodes.Add)) and any(
        isinstance(side, nodes.Const) and isinstance(side.value, int) for side in (node.left, node.right)
    ):
        for side in (node.left, node.right):
            shape = root_of(side, shapes) if not isinstance(side, nodes.Const) else None
            if shape is not None:
                shape.kind = "number"
    elif isinstance(node, nodes.Filter) and node.name in ("int", "float"):
        for name in node.find_all(nodes.Name):
            shapes.setdefault(name.name, Shape()).options = ["1", "2"]
    elif isinstance(node, nodes.Filter) and node.name in ("join", "list", "first", "map"):
        shape = root_of(node.node, shapes)
        if shape is not None:
            shape.as_list()
    elif isinstance(node, nodes.For):
        shape = root_of(node.iter, shapes)
        if shape is not None:
            shape.as_list()
    elif isinstance(node, nodes.Compare) and isinstance(node.ops[0].expr, nodes.Const):
        shape = root_of(node.expr, shapes)
        if shape is not None and node.ops[0].expr.value is not None:
            shape.options.append(node.ops[0].expr.value)


def make(shape, rng, sizes):
    if shape.kind == "map":
        size = sizes.setdefault(id(shape), rng.randint(3, 5))
        made = {}
        for name, inner in shape.fields.items():
            inner_size = max(size, inner.least) if inner.kind == "list" else None
            made[name] = (
                [f"{name}{i} " + rng.choice(WORDS) for i in range(inner_size)]
                if inner.kind == "list"
                else make(inner, rng, sizes)
            )
            if name in ("label", "labels", "key"):
                made[name] = [chr(65 + i) for i in range(max(size, inner.least))]
            if name in ("text", "choices", "texts") and inner.kind == "text":
                made[name] = [f"choice {i} " + rng.choice(WORDS) for i in range(size)]
        return made
    if shape.options:
        return rng.choice(shape.options)
    if shape.kind == "list":
        if shape.item is not None and shape.item.kind == "map":
            return [make(shape.item, rng, {}) for _ in range(max(shape.least, 3))]
        return [f"item {i} " + rng.choice(WORDS) for i in range(max(shape.least, rng.randint(3, 5)))]
    if shape.kind == "index":
        return rng.randrange(max(shape.least, 1))
    if shape.kind == "number":
        return rng.randint(1, 2)
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 4)))


def shapes_of(config):
    shapes = {}
    fewshot = config.get("fewshot_config") or {}
    texts = [config.get(key) for key in ("doc_to_text", "doc_to_target", "doc_to_choice", "description", "gen_prefix")]
    texts += [value for value in fewshot.values() if isinstance(value, str)]
    for text in texts:
        if isinstance(text, str) and ("{{" in text or "{%" in text):
            learn(utils.env.parse(text), shapes)
            names = [name.name for name in utils.env.parse(text).find_all(nodes.Name) if name.ctx == "load"]
            for name in names:
                shapes.setdefault(name, Shape())
    for known in ("range", "loop", "namespace"):
        shapes.pop(known, None)
    return shapes


def is_name(value):
    return isinstance(value, str) and value != "" and value.isidentifier()


def tries(config):
    """Rows for a task, one way after the other: a bare word may name a column or stand for itself."""
    for as_columns in (True, False):
        for kind in ("index", "text", "list"):
            shapes = shapes_of(config)
            if as_columns:
                if is_name(config.get("doc_to_text")):
                    shapes.setdefault(config["doc_to_text"], Shape())
                if is_name(config.get("doc_to_choice")):
                    shapes.setdefault(config["doc_to_choice"], Shape()).as_list(2)
                if is_name(config.get("doc_to_target")):
                    shape = shapes.setdefault(config["doc_to_target"], Shape())
                    shape.kind = kind
                    choice = config.get("doc_to_choice")
                    shape.least = len(choice) if isinstance(choice, list) else 2
            yield shapes


def rows_of(shapes, rng):
    rows = []
    for _ in range(ROWS):
        sizes = {}
        row = {name: make(shape, rng, sizes) for name, shape in shapes.items()}
        for name, shape in shapes.items():
            if shape.parallel is None:
                continue
            for other, listed in shapes.items():
                if listed is shape.parallel and isinstance(row[other], list):
                    row[name] = rng.choice(row[other])
                for field, inner in listed.fields.items():
                    if inner is shape.parallel and isinstance(row[other], dict):
                        row[name] = rng.choice(row[other][field])
        rows.append(row)
    return rows


def requests_of(manager, name, rows):
    config = manager.task_index[name].cfg
    splits = {config.get(key) for key in ("training_split", "validation_split", "test_split", "fewshot_split")}
    splits.add((config.get("fewshot_config") or {}).get("split"))
    made = datasets.Dataset.from_list(rows)
    made = datasets.DatasetDict({split: made for split in splits if split})
    datasets.load_dataset = lambda *_, **__: made
    task = manager.load([name])["tasks"][name]
    pool = 4 if (task.config.fewshot_config.samples is None) else len(task.config.fewshot_config.samples)
    shots = min(task.config.num_fewshot if task.config.num_fewshot is not None else 2, 4, pool)
    task.set_config("num_fewshot", shots)
    task.set_fewshot_seed(1234)
    task.build_all_requests(limit=ROWS)
    # As the data set gives them, which may have filled fields in.
    return {
        "rows": [dict(row) for row in made[next(iter(made))]],
        "shots": shots,
        "requests": [[request.request_type, *request.arguments] for request in task.instances],
    }


def main():
    folder, seed, count, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    names = sys.stdin.read().split("\n")
    rng = random.Random(seed)
    rng.shuffle(names)
    manager = TaskManager(include_path=folder, include_defaults=False)
    taken, passed = {}, {}
    for name in names:
        if len(taken) == count:
            break
        error = None
        for shapes in tries(manager.task_index[name].cfg):
            try:
                taken[name] = requests_of(manager, name, rows_of(shapes, random.Random(f"{seed} {name}")))
                break
            except Exception as problem:  # noqa: BLE001
                error = f"{type(problem).__name__}: {problem}"
        else:
            passed[name] = error
    Path(out).write_text(json.dumps({"taken": taken, "passed": passed}))


main()
