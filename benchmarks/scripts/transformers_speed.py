"""Tokens per second of transformers on a checkpoint, as one line of JSON.

Arguments: folder, torch device, and the load as JSON (see `Load` in src/gpu/measure.ts). Needs torch and
transformers; without them, or without the device, it says so and fails.
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM

folder, device, load = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
if device == "cuda" and not torch.cuda.is_available():
    sys.exit("torch finds no CUDA device")
dtype = torch.float32 if device == "cpu" else torch.float16
model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(device).eval()
model.requires_grad_(False)
vocabulary = model.config.vocab_size

# As many tokens at once as moepress takes.
tokens_at_once = 2048


def random_ids(count, length):
    return torch.randint(vocabulary, (count, length), device=device)


def fastest(work):
    """Seconds of the faster of two runs, after one to warm up."""
    times = []
    for _ in range(3):
        if device == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return min(times[1:])


def prefill():
    with torch.no_grad():
        for part in sequences.split(max(1, tokens_at_once // load["length"])):
            torch.log_softmax(model(part).logits.float(), -1).amax()


def decode():
    with torch.no_grad():
        count = load["newTokens"]
        model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            pad_token_id=0,
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
        )


def backward():
    for part in sequences.split(1):
        inputs = model.get_input_embeddings()(part).detach().requires_grad_(True)
        model(inputs_embeds=inputs, labels=part).loss.backward()


sequences = random_ids(load["sequences"], load["length"])
prompts = random_ids(load["sequences"], load["promptLength"])
read = load["sequences"] * load["length"]
print(
    json.dumps(
        {
            "prefill": read / fastest(prefill),
            "decode": load["sequences"] * load["newTokens"] / fastest(decode),
            "backward": read / fastest(backward),
        }
    )
)
