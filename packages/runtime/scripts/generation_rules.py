"""Writes fixtures/generation-rules.json: what generate() of transformers makes of prompts under the settings of a
generation_config.json. Not part of the test suite: needs Python.

    pip install torch transformers
    python packages/runtime/scripts/generation_rules.py packages/checkpoint/fixtures/olmoe \
        packages/runtime/fixtures/generation-rules.json
"""

import json
import logging
import sys

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

logging.disable(logging.WARNING)

NEW_TOKENS = 16
SETTINGS = [
    {},
    {"repetition_penalty": 1.05},
    {"repetition_penalty": 1.5},
    {"repetition_penalty": 0.7},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3, "repetition_penalty": 0.8},
]


def generate(model, prompt, settings):
    config = GenerationConfig(do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=0, **settings)
    ids = model.generate(torch.tensor([prompt]), generation_config=config)[0].tolist()
    return ids[len(prompt) :]


def settings_that_ban(greedy):
    """Rules about the very tokens that come otherwise."""
    first, second, third = greedy[:3]
    return [
        {"suppress_tokens": [first, third]},
        {"begin_suppress_tokens": [first]},
        {"eos_token_id": first},
        {"eos_token_id": [first, third], "min_new_tokens": 5},
        {"eos_token_id": [first, third], "min_length": 12},
        {"bad_words_ids": [[first, second], [third]]},
        {"eos_token_id": first, "bad_words_ids": [[first], [first, second, third], [second]]},
        {"eos_token_id": first, "min_new_tokens": 3, "repetition_penalty": 1.3, "begin_suppress_tokens": [second]},
    ]


def main(folder, out):
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager"
    ).eval()
    # What a call leaves out is taken from here.
    model.generation_config = GenerationConfig()
    generator = torch.Generator().manual_seed(3)
    cases = []
    for length in (9, 4):
        prompt = torch.randint(0, model.config.vocab_size, (length,), generator=generator).tolist()
        # What is repeated is in the prompt, too.
        prompt += prompt[1:4]
        greedy = generate(model, prompt, {})
        for settings in SETTINGS + settings_that_ban(greedy):
            cases.append({"prompt": prompt, "settings": settings, "expected": generate(model, prompt, settings)})
    with open(out, "w") as file:
        file.write(json.dumps({"newTokens": NEW_TOKENS, "cases": cases}) + "\n")
    print(len(cases), sum(case["expected"] != generate(model, case["prompt"], {}) for case in cases))


if __name__ == "__main__":
    main(*sys.argv[1:])
