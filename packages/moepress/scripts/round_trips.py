"""Answers round-trips.mjs: reads a folder and token ids a line, and says whether transformers loads the folder strictly
and has the logits in its logits.f32."""

import json
import logging
import re
import sys
import warnings
from pathlib import Path

import numpy
import torch
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Gemma4ForConditionalGeneration,
    Llama4ForConditionalGeneration,
    Mistral3ForConditionalGeneration,
    Mistral4ForCausalLM,
)
from transformers.utils.logging import disable_progress_bar

logging.disable(logging.ERROR)
warnings.simplefilter("ignore")
disable_progress_bar()
torch.set_num_threads(1)


# Classes that AutoModelForCausalLM does not find.
WRAPPERS = {
    "gemma4": Gemma4ForConditionalGeneration,
    "llama4": Llama4ForConditionalGeneration,
    "mistral3": Mistral3ForConditionalGeneration,
    "mistral4": Mistral4ForCausalLM,
}


def predicts(name, config):
    """Whether a tensor belongs to layers of multi-token prediction, of which transformers ignores only those that published
    models have, by their numbers."""
    layer = re.match(r"model\.layers\.(\d+)\.", name)
    return name.startswith(("mtp.", "model.mtp_", "model.mtp.")) or (layer and int(layer[1]) >= config["num_hidden_layers"])


def verdict(folder, ids):
    config = json.loads(Path(folder, "config.json").read_text())
    if config["model_type"] in ("deepseek", "moepress_deepseek"):
        return "no class"
    if config["model_type"].startswith("moepress_") and "auto_map" not in config:
        return "no class"
    load, own_config = AutoModelForCausalLM, None
    if config["model_type"] == "kimi_k2":
        # Its repositories bring DeepSeek's code, which transformers has under DeepSeek's name.
        load, own_config = DeepseekV3ForCausalLM, DeepseekV3Config(**{**config, "model_type": "deepseek_v3"})
    load = WRAPPERS.get(config["model_type"], load)
    model, report = load.from_pretrained(
        folder,
        config=own_config,
        dtype=torch.float32,
        output_loading_info=True,
        # Others may name code that does not lie beside them; the stock class is what counts.
        trust_remote_code=config["model_type"].startswith("moepress_"),
        attn_implementation="eager",
        experts_implementation="eager",
    )
    # Both are empty where nothing is missing; a shared expert of no channels has nothing to load.
    sizes = {name: tensor.numel() for name, tensor in model.state_dict().items()}
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        names = [name for name in report[problem] if sizes.get(str(name), 1) > 0 and not predicts(str(name), config)]
        if names:
            return f"differs: {problem}: {sorted(map(str, names))[:3]}"
    with torch.no_grad():
        logits = model.float().eval()(torch.tensor([ids])).logits[0].numpy()
    own = numpy.fromfile(Path(folder, "logits.f32"), dtype=numpy.float32).reshape(logits.shape)
    difference = float(numpy.abs(logits - own).max())
    return "ok" if difference <= 2e-4 else f"differs: logits by {difference:.2e}"


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = verdict(question["folder"], question["ids"])
    except Exception as error:  # Whatever keeps transformers from loading it is the answer.
        answer = f"differs: {type(error).__name__}: {error}"
    print(answer.replace("\n", " ")[:400], flush=True)
