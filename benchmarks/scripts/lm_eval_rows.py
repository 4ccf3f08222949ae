"""Scores a checkpoint by lm-evaluation-harness with transformers, offline, as one line of JSON.

Arguments: folder of the checkpoint, folder of the rows (`<dataset>/<config>/<split>.jsonl`), and the row as JSON:
task, limit (null: all documents), shots (null: the task's own), batch, dtype (a name of torch's), samples (file for
what each request got, as lines of JSON, in the order of the documents), include (a folder with the task; may be absent). Prints seconds of importing, of opening the
model, of the model's answers alone and of the whole evaluation, and the task's metrics.
"""

import json
import sys
import time
from pathlib import Path

began = time.perf_counter()
import datasets  # noqa: E402
import torch  # noqa: E402
from lm_eval import evaluator  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

real_load = datasets.load_dataset
folder, rows, row = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])


def load_rows(path, name=None, **_):
    """The splits of a dataset that the folder holds. Where a task opens others, without asking them, it gets one of these."""
    if path == "json":
        return real_load(path, cache_dir=str(rows / ".cache"), **_)
    place = rows / path / (name or "default")
    files = {file.stem: str(file) for file in sorted(place.glob("*.jsonl"))}
    if not files:
        sys.exit(f"there is no {place}/<split>.jsonl")
    splits = real_load("json", data_files=files, cache_dir=str(rows / ".cache"))
    for name in ("train", "validation", "test"):
        splits.setdefault(name, next(iter(splits.values())))
    return splits


class Timed(HFLM):
    """Knows how long the answers took, whatever was asked for."""

    answering = 0.0

    def _timed(self, ask, requests, *more, **named):
        start = time.perf_counter()
        try:
            return ask(requests, *more, **named)
        finally:
            self.answering += time.perf_counter() - start

    def loglikelihood(self, requests, *more, **named):
        return self._timed(super().loglikelihood, requests, *more, **named)

    def loglikelihood_rolling(self, requests, *more, **named):
        return self._timed(super().loglikelihood_rolling, requests, *more, **named)

    def generate_until(self, requests, *more, **named):
        return self._timed(super().generate_until, requests, *more, **named)


datasets.load_dataset = load_rows
imported = time.perf_counter()
model = Timed(pretrained=folder, dtype=row["dtype"], batch_size=row["batch"], device="cpu")
opened = time.perf_counter()
results = evaluator.simple_evaluate(
    model=model,
    tasks=[row["task"]],
    task_manager=TaskManager(include_path=row["include"]) if row.get("include") else None,
    num_fewshot=row["shots"],
    limit=row["limit"],
    log_samples=True,
    confirm_run_unsafe_code=True,
)
evaluated = time.perf_counter()

with open(row["samples"], "w") as out:
    for sample in sorted(results["samples"][row["task"]], key=lambda sample: sample["doc_id"]):
        kept = {key: sample[key] for key in ("doc_id", "filter", "resps", "filtered_resps", "target")}
        out.write(json.dumps(kept, default=str) + "\n")

print(
    json.dumps(
        {
            "import": imported - began,
            "open": opened - imported,
            "answer": model.answering,
            "evaluate": evaluated - opened,
            "threads": torch.get_num_threads(),
            "metrics": results["results"][row["task"]],
        },
        default=str,
    )
)
