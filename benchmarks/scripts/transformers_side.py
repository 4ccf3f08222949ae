"""transformers as a peer of the benchmarks: a question a line on standard input, its answer a line on standard output.

Arguments: folder of the checkpoint. A question is JSON: `work` (`prefill`, `decode` or `backward`), `prompts` (ids of
sequences of one length), `tokens` (new ones, of `decode`), and `settings` (`dtype`, `experts`, `together`: whether
sequences go side by side). The answer has `seconds`: of `decode` those after the first token. `work: "describe"` tells
versions and the settings that may be tried. Weights are held in the type of the last question only.
"""

import json
import sys
import time

import torch
import transformers
from transformers import AutoModelForCausalLM, DynamicCache

transformers.logging.set_verbosity_error()
held = {"dtype": None, "model": None}


def model_for(settings):
    if held["dtype"] != settings["dtype"]:
        held["model"] = None
        held["model"] = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=getattr(torch, settings["dtype"])).eval()
        held["model"].requires_grad_(False)
        held["dtype"] = settings["dtype"]
    held["model"].set_experts_implementation(settings["experts"])
    return held["model"]


def groups(question):
    ids = torch.tensor(question["prompts"])
    return [ids] if question["settings"]["together"] else list(ids.split(1))


def prefill(model, question):
    began = time.perf_counter()
    with torch.inference_mode():
        for ids in groups(question):
            model(ids, past_key_values=DynamicCache(config=model.config), logits_to_keep=1).logits.argmax(-1)
    return time.perf_counter() - began


def decode(model, question):
    seconds = 0.0
    with torch.inference_mode():
        for ids in groups(question):
            cache = DynamicCache(config=model.config)
            # The prompt is not what is timed, and the others take many times as long for many tokens.
            model.set_experts_implementation("eager")
            newest = model(ids, past_key_values=cache, logits_to_keep=1).logits[:, -1:].argmax(-1)
            model.set_experts_implementation(question["settings"]["experts"])
            began = time.perf_counter()
            for _ in range(question["tokens"]):
                newest = model(newest, past_key_values=cache).logits.argmax(-1)
            seconds += time.perf_counter() - began
    return seconds


def backward(model, question):
    """The gradients of all weights of the experts, sequence by sequence, whose squares are summed up as Fisher's information."""
    weights = [weight for name, weight in model.named_parameters() if ".experts." in name]
    for weight in weights:
        weight.requires_grad_(True)
    sums = [None] * len(weights)
    began = time.perf_counter()
    try:
        for ids in torch.tensor(question["prompts"]).split(1):
            model(ids, labels=ids).loss.backward()
            for i, weight in enumerate(weights):
                square = weight.grad.square_()
                sums[i] = square if sums[i] is None else sums[i].add_(square)
                weight.grad = None
        return time.perf_counter() - began
    finally:
        model.requires_grad_(False)


def describe(_):
    return {
        "name": f"transformers {transformers.__version__}, torch {torch.__version__}",
        "settings": [
            {"dtype": dtype, "experts": experts, "together": together}
            for dtype in ("bfloat16", "float32")
            for experts in ("eager", "grouped_mm", "batched_mm")
            for together in (True, False)
        ],
    }


works = {"prefill": prefill, "decode": decode, "backward": backward}
for line in sys.stdin:
    question = json.loads(line)
    try:
        if question["work"] == "describe":
            answer = describe(question)
        else:
            answer = {"seconds": works[question["work"]](model_for(question["settings"]), question)}
    except Exception as error:  # noqa: BLE001, told to whoever asked
        answer = {"error": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(answer), flush=True)
