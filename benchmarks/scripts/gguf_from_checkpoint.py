"""Writes a checkpoint of the benchmarks (OLMoE or Qwen3-MoE, one safetensors file) as GGUF in 16-bit floats, for llama.cpp.

Arguments: folder of the checkpoint, file to write. Tokens are named by their numbers: only ids are ever given. Needs
gguf, numpy, safetensors and torch. The file appears under its name when it is whole.
"""

import json
import os
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors import safe_open

folder, target = Path(sys.argv[1]), Path(sys.argv[2])
config = json.loads((folder / "config.json").read_text())
arch = {"olmoe": "olmoe", "qwen3_moe": "qwen3moe"}[config["model_type"]]
partial = target.with_name(target.name + ".partial")
heads, hidden = config["num_attention_heads"], config["hidden_size"]
head_dim = config.get("head_dim", hidden // heads)
width = config.get("moe_intermediate_size", config["intermediate_size"])
vocabulary = config["vocab_size"]

writer = gguf.GGUFWriter(partial, arch)
writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
writer.add_block_count(config["num_hidden_layers"])
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(hidden)
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_expert_feed_forward_length(width)
writer.add_head_count(heads)
writer.add_head_count_kv(config["num_key_value_heads"])
writer.add_key_length(head_dim)
writer.add_value_length(head_dim)
writer.add_rope_freq_base(float(config["rope_theta"]))
writer.add_rope_dimension_count(head_dim)
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_expert_count(config["num_experts"])
writer.add_expert_used_count(config["num_experts_per_tok"])
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("default")
writer.add_token_list([f"t{i}" for i in range(vocabulary)])
writer.add_token_types([gguf.TokenType.NORMAL] * vocabulary)
writer.add_token_merges(["t 0"])
writer.add_bos_token_id(config["eos_token_id"])
writer.add_eos_token_id(config["eos_token_id"])
writer.add_add_bos_token(False)

names = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate": "ffn_gate_inp",
}

# Each tensor of the file, by the tensors of the checkpoint that are stacked in it.
sources = {
    "token_embd.weight": ["model.embed_tokens.weight"],
    "output_norm.weight": ["model.norm.weight"],
    "output.weight": ["lm_head.weight"],
}
for layer in range(config["num_hidden_layers"]):
    for ours, theirs in names.items():
        sources[f"blk.{layer}.{theirs}.weight"] = [f"model.layers.{layer}.{ours}.weight"]
    for part in ("gate", "up", "down"):
        sources[f"blk.{layer}.ffn_{part}_exps.weight"] = [
            f"model.layers.{layer}.mlp.experts.{e}.{part}_proj.weight" for e in range(config["num_experts"])
        ]


def is_float(name):
    """Norms and routers stay in 32 bits, as llama.cpp has them."""
    return "norm" in name or "gate_inp" in name


with safe_open(folder / "model.safetensors", framework="pt") as file:
    for name, parts in sources.items():
        shape = file.get_slice(parts[0]).get_shape()
        stacked = [len(parts), *shape] if len(parts) > 1 else shape
        dtype = np.dtype(np.float32 if is_float(name) else np.float16)
        writer.add_tensor_info(name, stacked, dtype, int(np.prod(stacked)) * dtype.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, parts in sources.items():
        dtype = torch.float32 if is_float(name) else torch.float16
        tensors = [file.get_tensor(part).to(dtype).numpy() for part in parts]
        writer.write_tensor_data(np.stack(tensors) if len(parts) > 1 else tensors[0])
writer.close()
os.replace(partial, target)
