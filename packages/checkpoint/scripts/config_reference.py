"""Writes fixtures/configs.json: configurations with keys set, absent and null at random, and what transformers makes of
each. Not part of the test suite: needs Python.

    pip install torch transformers
    python packages/checkpoint/scripts/config_reference.py packages/checkpoint/fixtures/configs.json

A configuration that transformers cannot compute with has the value null. The others are built and run on a few tokens,
and described by what the modules of the model hold, not by what the configuration class says.
"""

import json
import logging
import random
import sys
import tempfile
from pathlib import Path

logging.disable(logging.WARNING)

import torch
from transformers import AutoConfig, AutoModelForCausalLM

ABSENT = object()
COUNT = 24
MAX_PARAMETERS = 100_000_000

# Each key with the values it may have; None stands for null. Keys of REQUIRED are absent only in the first
# configuration of a family, which has none at all: the defaults of the classes are of real models' sizes.
REQUIRED = {
    "vocab_size": [48],
    "hidden_size": [32],
    "num_hidden_layers": [2, 3],
    "num_attention_heads": [4, 8],
    "intermediate_size": [24],
}
LINEAR = {"rope_type": "linear", "factor": 2.0}
YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
ROTATIONS = [
    None,
    {},
    LINEAR,
    {**LINEAR, "rope_theta": 500.0},
    {"type": "dynamic", "factor": 3.0},
    YARN,
    {**YARN, "truncate": None, "beta_fast": 0, "beta_slow": None, "mscale": 0.7, "mscale_all_dim": 0.9},
    {**YARN, "factor": None, "attention_factor": 1.5},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    {"rope_type": "proportional", "partial_rotary_factor": 0.5},
]
COMMON = {
    "rms_norm_eps": [1e-3, 1e-6],
    "max_position_embeddings": [64, 128],
    "tie_word_embeddings": [True, False],
    "bos_token_id": [None, 3],
    "eos_token_id": [None, 4, [4, 5]],
    "hidden_act": ["silu", "swish", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "relu2"],
    "rope_theta": [1000.0, 20000.0],
    "rope_scaling": ROTATIONS,
    "rope_parameters": ROTATIONS,
}
GQA = {"num_key_value_heads": [2, 4, None], "head_dim": [8, 16, None]}
BIAS = {"attention_bias": [True, False]}
WINDOW = {"sliding_window": [4, 7, None]}
QWEN = {"use_sliding_window": [True, False], "max_window_layers": [0, 1, 9]}
TYPES = {"layer_types": [None, ["sliding_attention", "full_attention"], ["full_attention"] * 2]}
ROUTER = {"num_experts_per_tok": [1, 2, 3], "norm_topk_prob": [True, False]}
WIDTH = {"moe_intermediate_size": [8, 12]}
DENSE = {"mlp_only_layers": [None, [], [0], [1, -1]], "decoder_sparse_step": [1, 2]}
LATENT = {
    "num_key_value_heads": [8, None],
    "q_lora_rank": [None, 12],
    "kv_lora_rank": [16],
    "qk_nope_head_dim": [8],
    "qk_rope_head_dim": [4, 8],
    "v_head_dim": [8, 12],
    "first_k_dense_replace": [0, 1],
    "n_shared_experts": [0, 1, 2],
    "routed_scaling_factor": [0.0, 2.5],
    **BIAS,
    **ROUTER,
    **WIDTH,
}
FAMILIES = {
    "llama": {**GQA, **BIAS, "mlp_bias": [True, False]},
    "mistral": {**GQA, **WINDOW},
    "mixtral": {**GQA, **WINDOW, **ROUTER, "num_local_experts": [4], "num_experts": [6]},
    "olmoe": {**GQA, **BIAS, **ROUTER, "clip_qkv": [None, 0.5], "num_experts": [4], "num_local_experts": [6]},
    "qwen2": {**GQA, **WINDOW, **QWEN, **TYPES},
    "qwen3": {**GQA, **BIAS, **WINDOW, **QWEN, **TYPES},
    "qwen2_moe": {
        **{**GQA, **WINDOW, **QWEN, **TYPES, **ROUTER, **WIDTH, **DENSE},
        "num_experts": [0, 4],
        "qkv_bias": [True, False],
        "shared_expert_intermediate_size": [0, 16],
    },
    "qwen3_moe": {
        **{**GQA, **BIAS, **WINDOW, **QWEN, **ROUTER, **WIDTH, **DENSE},
        "num_experts": [0, 4],
        "num_local_experts": [6],
    },
    "gpt_oss": {**GQA, **BIAS, **WINDOW, **TYPES, **ROUTER, "num_local_experts": [4], "num_experts": [6]},
    "deepseek_v2": {
        **LATENT,
        "n_routed_experts": [4, 8],
        "num_experts": [16],
        "topk_method": ["greedy", "group_limited_greedy"],
        "n_group": [2, 4],
        "topk_group": [1, 2],
        "mlp_bias": [True, False],
    },
    "deepseek_v3": {
        **LATENT,
        "norm_topk_prob": [True, False, None],
        "rope_interleave": [True, False, None],
        "n_routed_experts": [8],
        "num_local_experts": [16],
        "n_group": [2, 4],
        "topk_group": [1, 2],
    },
}


def draw(family, number, dice):
    """The first has no key at all, the next each lack or have null for a few, the rest are drawn freely."""
    if number == 0:
        return {"model_type": family}
    config = {"model_type": family}
    for key, values in {**REQUIRED, **COMMON, **FAMILIES[family]}.items():
        # Aliases and both forms of rotation are rarer, so that not every configuration has a conflict.
        rare = key in ("rope_scaling", "rope_parameters", "layer_types", "num_local_experts", "num_experts")
        absent = 0.0 if key in REQUIRED else 0.55 if rare or number > COUNT // 2 else 0.2
        if dice.random() < absent:
            continue
        value = dice.choice(values)
        if value is None and dice.random() < 0.5:
            continue
        config[key] = value
    types = config.get("layer_types")
    if types:
        config["layer_types"] = (types * 2)[: config["num_hidden_layers"]]
    return config


def load(config):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(config))
        return AutoConfig.from_pretrained(folder)


def build(config):
    plain = dict(attn_implementation="eager", experts_implementation="eager")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, **plain)
    if sum(parameter.numel() for parameter in model.parameters()) > MAX_PARAMETERS:
        return model
    model = AutoModelForCausalLM.from_config(config, **plain).eval()
    with torch.no_grad():
        model(torch.arange(12)[None] % config.vocab_size)
    return model


def width_of(mlp):
    return mlp.gate_proj.out_features


def describe(model):
    config, layers = model.config, model.model.layers
    attention = layers[0].self_attn
    latent = hasattr(attention, "kv_a_proj_with_mqa")
    moe = [hasattr(layer.mlp, "experts") for layer in layers]
    routed = layers[moe.index(True)].mlp if any(moe) else None
    dense = layers[moe.index(False)].mlp if not all(moe) else None
    first = config.layer_types if hasattr(config, "layer_types") else None
    every = getattr(config, "sliding_window", None) if config.model_type in ("mistral", "mixtral", "qwen3_moe") else None
    rope = config.rope_parameters
    facts = {
        "vocabSize": model.lm_head.out_features,
        "hiddenSize": model.lm_head.in_features,
        "epsilon": layers[0].input_layernorm.variance_epsilon,
        "maxPositions": config.max_position_embeddings,
        "tied": config.tie_word_embeddings,
        "bosTokenId": config.bos_token_id,
        "eosTokenIds": config.eos_token_id,
        "scale": attention.scaling,
        "theta": rope["rope_theta"],
        "rotation": rope["rope_type"],
        "factor": rope.get("factor"),
        "originalPositions": rope.get("original_max_position_embeddings"),
        "truncates": bool(rope.get("truncate", True)),
        "attentionFactor": model.model.rotary_emb.attention_scaling,
        "outputBias": attention.o_proj.bias is not None,
        "windows": [
            config.sliding_window if first and first[i] == "sliding_attention" else every for i in range(len(layers))
        ],
        "moe": moe,
        "denseWidth": dense and width_of(dense),
        "mlpBias": bool(dense) and dense.gate_proj.bias is not None,
        "activation": getattr(layers[0].mlp, "act_fn", getattr(getattr(layers[0].mlp, "experts", None), "act_fn", None)),
    }
    if latent:
        query = attention.q_a_proj
        facts |= {
            "queryLatent": query.out_features if query is not None else None,
            "latent": attention.kv_lora_rank,
            "contentDim": attention.qk_nope_head_dim,
            "rotatedDim": attention.qk_rope_head_dim,
            "valueDim": attention.v_head_dim,
            "interleaved": bool(getattr(config, "rope_interleave", True)),
        }
    else:
        facts |= {
            "heads": attention.q_proj.out_features // attention.head_dim,
            "kvHeads": attention.k_proj.out_features // attention.head_dim,
            "headDim": attention.head_dim,
            "qkvBias": attention.k_proj.bias is not None,
            "clip": getattr(config, "clip_qkv", None),
        }
    if routed is not None:
        router = routed.router if hasattr(routed, "router") else routed.gate
        # Too large to be run with the defaults of its class, and told by none of them.
        assert router.top_k is not None
        # gpt-oss normalises by taking the softmax of the chosen logits alone.
        norm = {"mixtral": True, "gpt_oss": True, "deepseek_v2": False}.get(config.model_type)
        shared = getattr(routed, "shared_expert", None) or getattr(routed, "shared_experts", None)
        experts = routed.experts
        facts |= {
            "experts": router.num_experts,
            "topK": router.top_k,
            "normalises": norm if norm is not None else bool(router.norm_topk_prob),
            "routedScale": getattr(router, "routed_scaling_factor", 1.0),
            "expertWidth": getattr(experts, "intermediate_dim", getattr(experts, "intermediate_size", None)),
            "sharedWidth": width_of(shared) if shared is not None else None,
            "groups": [router.num_group, router.topk_group] if grouped(config, router) else None,
        }
    act = facts["activation"]
    facts["activation"] = None if act is None else type(act).__name__
    return facts


def grouped(config, router):
    return config.model_type == "deepseek_v3" or getattr(router, "topk_method", "greedy") != "greedy"


def outcome(raw):
    try:
        return describe(build(load(raw)))
    except Exception:
        return None


def main(path):
    cases = []
    for family in FAMILIES:
        dice = random.Random(family)
        for number in range(COUNT):
            raw = draw(family, number, dice)
            cases.append({"config": raw, "expected": outcome(json.loads(json.dumps(raw)))})
        known = sum(case["expected"] is not None for case in cases[-COUNT:])
        print(f"{family}: {known} of {COUNT} are computed")
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    Path(path).write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
