"""
Makes the fixtures adapters/<name> of the llama, qwen2 and mixtral fixtures with PEFT: an adapter with random
matrices, and golden.json, what transformers computes once PEFT has merged it in fp32.

Run from the root of the repository with a Python that has torch, transformers and peft:
python packages/checkpoint/scripts/adapter-fixtures.py
"""
import json
import math
import os
import shutil

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

FIXTURES = "packages/checkpoint/fixtures"
IDS = [5, 17, 33, 1, 50, 97]

CASES = {
    "plain": ("llama", dict(r=4, lora_alpha=32, target_modules=["q_proj", "down_proj"])),
    "rank-stabilised": ("llama", dict(r=9, lora_alpha=6, use_rslora=True, target_modules="all-linear")),
    "patterns": (
        "llama",
        dict(
            r=2,
            lora_alpha=4,
            target_modules=["q_proj", "v_proj", "up_proj"],
            rank_pattern={"layers.1.self_attn.q_proj": 5, "up_proj": 3},
            alpha_pattern={r"layers\.\d\.self_attn\.v_proj": 11, "q_proj": 7},
        ),
    ),
    "fan-in-fan-out": ("llama", dict(r=3, lora_alpha=9, fan_in_fan_out=True, target_modules=["o_proj"])),
    "saved-modules": (
        "llama",
        dict(r=2, lora_alpha=8, target_modules=["k_proj"], modules_to_save=["norm", "lm_head", "embed_tokens"]),
    ),
    "embedding": ("mixtral", dict(r=3, lora_alpha=6, target_modules=["embed_tokens", "lm_head", "o_proj"])),
    "biases": ("qwen2", dict(r=2, lora_alpha=5, bias="lora_only", target_modules=["q_proj", "v_proj"])),
}


def make(name, base, options):
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_pretrained(f"{FIXTURES}/{base}", dtype=torch.float32, attn_implementation="eager")
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options))
    for key, value in model.named_parameters():
        if value.requires_grad:
            size = 1 / math.sqrt(value.shape[-1]) if "lora_A" in key else 0.3
            value.data = value.data * ("lora_" not in key) + torch.randn_like(value) * size * (0.3 if "lora_B" in key else 1)
    folder = f"{FIXTURES}/adapters/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, save_embedding_layers=False)
    os.remove(f"{folder}/README.md")
    config = json.load(open(f"{folder}/adapter_config.json"))
    config["base_model_name_or_path"] = base
    json.dump(config, open(f"{folder}/adapter_config.json", "w"), indent=2, sort_keys=True)
    with torch.no_grad():
        separate = model(torch.tensor([IDS])).logits[0]
        merged = model.merge_and_unload()
        logits = merged(torch.tensor([IDS])).logits[0]
    assert (separate - logits).abs().max() < 1e-4
    weight = merged.model.layers[1].self_attn.q_proj.weight
    json.dump(
        {
            "base": base,
            "ids": IDS,
            "logits": [round(float(x), 5) for x in logits[-1]],
            # Of the second layer, the first row.
            "query": [round(float(x), 6) for x in weight[0]],
        },
        open(f"{folder}/golden.json", "w"),
    )
    print(name, float(logits[-1].abs().max()), sum(os.path.getsize(f"{folder}/{f}") for f in os.listdir(folder)))


for name, (base, options) in CASES.items():
    make(name, base, options)
