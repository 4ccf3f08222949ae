"""Writes small checkpoints of families with random weights, and what transformers 5.18 computes with them.

    pip install torch==2.13.0 transformers==5.18.0 safetensors
    python packages/checkpoint/scripts/family-fixtures.py [model_type...]

One folder each in packages/checkpoint/fixtures: config.json with the keys that the published model has, the weights in
BF16 under the Hub's names, and golden.safetensors with the token ids of two sequences, their logits in fp32 and 16
greedy tokens after the first.
"""

import json
import logging
import re
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Mistral4Config,
    Mistral4ForCausalLM,
    Gemma4Config,
    Gemma4ForConditionalGeneration,
    Llama4Config,
    Llama4ForConditionalGeneration,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3_5MoeConfig,
    Qwen3_5MoeForConditionalGeneration,
)
from transformers.utils.logging import disable_progress_bar

logging.disable(logging.ERROR)
disable_progress_bar()
FIXTURES = Path(__file__).parent.parent / "fixtures"

COMMON = {
    "vocab_size": 64,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "hidden_act": "silu",
    "torch_dtype": "bfloat16",
}
DEEPSEEK = {
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 8,
    "n_group": 1,
    "topk_group": 1,
    "norm_topk_prob": True,
    "routed_scaling_factor": 1.5,
}
LATENT = {
    "num_key_value_heads": 4,
    "q_lora_rank": 8,
    "kv_lora_rank": 8,
    "qk_nope_head_dim": 4,
    "qk_rope_head_dim": 4,
    "v_head_dim": 4,
}

# By model_type: the keys of its published config.json that say something of the mathematics.
FAMILIES = {
    "glm4_moe": {
        **DEEPSEEK,
        "attention_bias": True,
        "use_qk_norm": True,
        "head_dim": 8,
        "partial_rotary_factor": 0.5,
        "rope_theta": 10000,
        "rms_norm_eps": 1e-5,
        "intermediate_size": 24,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
    },
    "glm4_moe_lite": {
        **DEEPSEEK,
        **LATENT,
        "topk_method": "noaux_tc",
        "partial_rotary_factor": 1.0,
        "rope_theta": 10000,
        "rms_norm_eps": 1e-5,
        "intermediate_size": 24,
        "n_shared_experts": 1,
        "mlp_layer_types": ["sparse", "dense"],
    },
    "kimi_k2": {
        **DEEPSEEK,
        **LATENT,
        "scoring_func": "sigmoid",
        "topk_method": "noaux_tc",
        "rope_theta": 10000,
        "rope_scaling": {
            "type": "yarn",
            "factor": 4.0,
            "original_max_position_embeddings": 64,
            "beta_fast": 1.0,
            "beta_slow": 1.0,
            "mscale": 1.0,
            "mscale_all_dim": 1.0,
        },
        "rms_norm_eps": 1e-6,
        "intermediate_size": 24,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
        "num_nextn_predict_layers": 0,
    },
    "minimax_m2": {
        "head_dim": 8,
        "rotary_dim": 4,
        "rope_theta": 10000,
        "rms_norm_eps": 1e-6,
        "num_local_experts": 8,
        "num_experts_per_tok": 2,
        "intermediate_size": 8,
        "scoring_func": "sigmoid",
        "use_routing_bias": True,
        "use_qk_norm": True,
        "qk_norm_type": "per_layer",
        "shared_intermediate_size": 0,
        "sliding_window": None,
    },
    "hy_v3": {
        "head_dim": 8,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "rms_norm_eps": 1e-5,
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "num_shared_experts": 1,
        "moe_intermediate_size": 8,
        "intermediate_size": 24,
        "router_scaling_factor": 1.5,
        "moe_router_use_sigmoid": True,
        "route_norm": True,
        "qk_norm": True,
    },
    "dots1": {
        **DEEPSEEK,
        "scoring_func": "noaux_tc",
        "attention_bias": False,
        "rope_theta": 10000,
        "rms_norm_eps": 1e-5,
        "intermediate_size": 24,
        "n_shared_experts": 2,
        "first_k_dense_replace": 1,
        "sliding_window": None,
    },
    "solar_open": {
        **DEEPSEEK,
        "head_dim": 8,
        "attention_bias": False,
        "use_qk_norm": False,
        "partial_rotary_factor": 1.0,
        "rope_theta": 10000,
        "rope_scaling": {"type": "yarn", "factor": 2.0, "original_max_position_embeddings": 64},
        "rms_norm_eps": 1e-5,
        "intermediate_size": 24,
        "n_shared_experts": 1,
        "first_k_dense_replace": 0,
    },
}

FAMILIES["exaone_moe"] = {
    "head_dim": 8,
    "num_hidden_layers": 4,
    "sliding_window": 6,
    "sliding_window_pattern": "LLLG",
    "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
    "mlp_layer_types": ["dense", "sparse", "dense", "sparse"],
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "rms_norm_eps": 1e-5,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "num_shared_experts": 1,
    "moe_intermediate_size": 8,
    "intermediate_size": 24,
    "norm_topk_prob": True,
    "routed_scaling_factor": 1.5,
    "scoring_func": "sigmoid",
    "topk_method": "noaux_tc",
}
ERNIE = {"rope_theta": 10000, "rms_norm_eps": 1e-5, "use_bias": True, "intermediate_size": 24, "use_rmsnorm": True}
FAMILIES["ernie4_5"] = {**ERNIE, "head_dim": 8, "tie_word_embeddings": True}
FAMILIES["ernie4_5_moe"] = {
    **ERNIE,
    "use_bias": False,
    "num_hidden_layers": 3,
    "moe_num_experts": 8,
    "moe_k": 2,
    "moe_intermediate_size": 8,
    "moe_num_shared_experts": 2,
    "moe_layer_start_index": 0,
    "moe_layer_end_index": 1,
    "moe_layer_interval": 2,
    "moe_norm_min": 0.4,
    "moe_gate": "topk",
}
OLMO = {"rope_theta": 10000, "rms_norm_eps": 1e-6, "attention_bias": False, "pad_token_id": 0}
FAMILIES["olmo2"] = {**OLMO, "intermediate_size": 24}
FAMILIES["flex_olmo"] = {
    **OLMO,
    "num_experts": 8,
    "num_experts_per_tok": 3,
    "intermediate_size": 8,
    "norm_topk_prob": False,
}
GRANITE = {
    "rope_theta": 10000,
    "rms_norm_eps": 1e-6,
    "attention_multiplier": 0.3,
    "embedding_multiplier": 2.5,
    "residual_multiplier": 0.5,
    "logits_scaling": 1.5,
    "tie_word_embeddings": True,
}
FAMILIES["granite"] = {**GRANITE, "intermediate_size": 24}
FAMILIES["granitemoe"] = {**GRANITE, "num_local_experts": 8, "num_experts_per_tok": 3, "intermediate_size": 8}
HUNYUAN = {
    "rope_theta": 10000.0,
    "rope_scaling": {"type": "dynamic", "alpha": 50.0, "factor": 1.0},
    "rms_norm_eps": 1e-5,
    "head_dim": 8,
    "attention_bias": False,
    "use_qk_norm": True,
    "tie_word_embeddings": True,
}
FAMILIES["hunyuan_v1_dense"] = {**HUNYUAN, "intermediate_size": 24}
FAMILIES["hunyuan_v1_moe"] = {
    **HUNYUAN,
    "num_experts": 8,
    "moe_topk": [2, 2],
    "intermediate_size": 8,
}

FAMILIES["phimoe"] = {
    "rope_theta": 10000.0,
    "rope_scaling": {
        "type": "longrope",
        "short_factor": [1.0, 1.7],
        "long_factor": [2.0, 9.0],
        "short_mscale": 1.2,
        "long_mscale": 1.3,
        "original_max_position_embeddings": 64,
    },
    "original_max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "attention_bias": True,
    "lm_head_bias": True,
    "sliding_window": 16,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "intermediate_size": 8,
    "router_jitter_noise": 0.2,
}

INDEXED = {
    **DEEPSEEK,
    **LATENT,
    "index_n_heads": 16,
    "index_head_dim": 6,
    "intermediate_size": 24,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "scoring_func": "sigmoid",
    "topk_method": "noaux_tc",
}
# Its indexers choose: the first of the sequences below is longer than that.
FAMILIES["deepseek_v32"] = {
    **INDEXED,
    "index_topk": 12,
    "rope_theta": 10000,
    "rope_scaling": {
        "type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 64,
        "beta_fast": 32,
        "beta_slow": 1,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
    },
    "rms_norm_eps": 1e-6,
}
# The second layer shares the indexer of the first.
FAMILIES["glm_moe_dsa"] = {
    **INDEXED,
    "index_topk": 48,
    "indexer_types": ["full", "shared"],
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "rms_norm_eps": 1e-5,
}
FAMILIES["mistral4"] = {
    **DEEPSEEK,
    **LATENT,
    "rope_interleave": True,
    "rope_parameters": {
        "rope_type": "yarn",
        "rope_theta": 10000.0,
        "factor": 4.0,
        "original_max_position_embeddings": 8,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
        "llama_4_scaling_beta": 0.5,
    },
    "rms_norm_eps": 1e-6,
    "intermediate_size": 24,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
}
FAMILIES["afmoe"] = {
    "head_dim": 6,
    "num_hidden_layers": 3,
    "rope_theta": 10000,
    "rope_scaling": None,
    "rms_norm_eps": 1e-5,
    "mup_enabled": True,
    "sliding_window": 6,
    "global_attn_every_n_layers": 2,
    "num_dense_layers": 1,
    "intermediate_size": 24,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "num_shared_experts": 2,
    "moe_intermediate_size": 8,
    "score_func": "sigmoid",
    "route_norm": True,
    "route_scale": 1.5,
    "n_group": 1,
    "topk_group": 1,
}
FAMILIES["cohere2_moe"] = {
    "head_dim": 8,
    "num_hidden_layers": 4,
    "rope_theta": 10000,
    "layer_norm_eps": 1e-5,
    "logit_scale": 1.5,
    "sliding_window": 6,
    "sliding_window_pattern": 2,
    "prefix_dense_sliding_window_pattern": 1,
    "first_k_dense_replace": 1,
    "prefix_dense_intermediate_size": 24,
    "num_experts": 8,
    "num_experts_per_tok": 3,
    "num_shared_experts": 2,
    "shared_expert_combination_strategy": "average",
    "expert_selection_fn": "softmax",
    "intermediate_size": 8,
    "tie_word_embeddings": True,
    "use_parallel_block": True,
}
FAMILIES["cohere2"] = {
    "rope_theta": 10000,
    "layer_norm_eps": 1e-5,
    "logit_scale": 1.5,
    "sliding_window": 6,
    "sliding_window_pattern": 2,
    "attention_bias": False,
    "intermediate_size": 24,
    "tie_word_embeddings": True,
}
FAMILIES["mimo_v2_flash"] = {
    "num_key_value_heads": 1,
    "head_dim": 12,
    "v_head_dim": 6,
    "swa_head_dim": 12,
    "swa_v_head_dim": 6,
    "swa_num_attention_heads": 4,
    "swa_num_key_value_heads": 2,
    "rope_theta": 5000000,
    "swa_rope_theta": 10000,
    "partial_rotary_factor": 0.334,
    "attention_value_scale": 0.707,
    "add_swa_attention_sink_bias": True,
    "add_full_attention_sink_bias": False,
    "hybrid_layer_pattern": [0, 1],
    "moe_layer_freq": [0, 1],
    "sliding_window": 6,
    "layernorm_epsilon": 1e-5,
    "intermediate_size": 24,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 8,
    "n_shared_experts": None,
    "norm_topk_prob": True,
    "routed_scaling_factor": None,
    "scoring_func": "sigmoid",
    "topk_method": "noaux_tc",
}
LLAMA4 = {
    "rope_theta": 500000.0,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 4.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 1.0,
        "original_max_position_embeddings": 16,
    },
    "rms_norm_eps": 1e-5,
    "head_dim": 8,
    "num_hidden_layers": 3,
    "no_rope_layers": [1, 0, 1],
    "attention_chunk_size": 6,
    "attn_temperature_tuning": True,
    "attn_scale": 0.3,
    "floor_scale": 5,
    "use_qk_norm": True,
    "interleave_moe_layer_step": 2,
    "intermediate_size": 8,
    "intermediate_size_mlp": 24,
    "num_local_experts": 8,
    "num_experts_per_tok": 1,
}
FAMILIES["llama4_text"] = {**LLAMA4, "moe_layers": [0, 1], "num_experts_per_tok": 2}
FAMILIES["llama4"] = {}
GEMMA4 = {
    "head_dim": 6,
    "global_head_dim": 8,
    "num_global_key_value_heads": 1,
    "attention_k_eq_v": True,
    "rms_norm_eps": 1e-6,
    "hidden_activation": "gelu_pytorch_tanh",
    "intermediate_size": 24,
    "layer_types": ["sliding_attention", "full_attention"],
    "sliding_window": 6,
    "rope_parameters": {
        "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.5, "rope_theta": 1000000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
    },
    "final_logit_softcapping": 3.0,
    "hidden_size_per_layer_input": 0,
    "num_kv_shared_layers": 0,
    "tie_word_embeddings": True,
    "vocab_size_per_layer_input": 64,
}
EXPERTS4 = {"enable_moe_block": True, "num_experts": 8, "top_k_experts": 2, "moe_intermediate_size": 8}
# Dense: the wrapper has experts.
FAMILIES["gemma4_text"] = {**GEMMA4, "attention_k_eq_v": False, "enable_moe_block": False}
FAMILIES["gemma4"] = {}

FAMILIES["mistral3"] = {}
FAMILIES["kimi_linear"] = {
    **LATENT,
    "num_hidden_layers": 3,
    "q_lora_rank": None,
    "mla_use_nope": True,
    "linear_attn_config": {
        "full_attn_layers": [2],
        "kda_layers": [1, 3],
        "head_dim": 6,
        "num_heads": 3,
        "short_conv_kernel_size": 4,
    },
    "num_experts": 8,
    "num_experts_per_token": 2,
    "num_shared_experts": 1,
    "moe_intermediate_size": 8,
    "moe_layer_freq": 1,
    "moe_renormalize": True,
    "moe_router_activation_func": "sigmoid",
    "num_expert_group": 1,
    "topk_group": 1,
    "use_grouped_topk": True,
    "routed_scaling_factor": 1.5,
    "first_k_dense_replace": 1,
    "intermediate_size": 24,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "pad_token_id": 0,
}

DELTA_RULE = {
    "rms_norm_eps": 1e-6,
    "head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"],
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 4,
    "linear_value_head_dim": 6,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 8,
    "shared_expert_intermediate_size": 8,
}
FAMILIES["qwen3_next"] = {
    **DELTA_RULE,
    "rope_theta": 10000,
    "partial_rotary_factor": 0.5,
    "norm_topk_prob": True,
    "decoder_sparse_step": 1,
    "intermediate_size": 24,
    "mlp_only_layers": [],
}
FAMILIES["qwen3_5_moe_text"] = {
    **DELTA_RULE,
    "attn_output_gate": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
}
FAMILIES["qwen3_5_moe"] = {}
DENSE35 = {k: v for k, v in FAMILIES["qwen3_5_moe_text"].items() if "expert" not in k and k != "moe_intermediate_size"}
FAMILIES["qwen3_5_text"] = {**DENSE35, "intermediate_size": 24}
FAMILIES["qwen3_5"] = {}

LFM2 = {
    "rope_theta": 10000.0,
    "norm_eps": 1e-5,
    "conv_L_cache": 3,
    "tie_word_embeddings": True,
}
FAMILIES["lfm2"] = {
    **LFM2,
    "conv_bias": True,
    "full_attn_idxs": [1],
    "block_ff_dim": 30,
    "block_auto_adjust_ff_dim": True,
    "block_ffn_dim_multiplier": 1.1,
    "block_multiple_of": 8,
}
FAMILIES["lfm2_moe"] = {
    **LFM2,
    "conv_bias": False,
    "num_hidden_layers": 3,
    "layer_types": ["conv", "full_attention", "conv"],
    "num_dense_layers": 1,
    "intermediate_size": 24,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 8,
    "use_expert_bias": True,
    "norm_topk_prob": True,
    "routed_scaling_factor": 1.5,
}

FAMILIES["granitemoehybrid"] = {
    **GRANITE,
    "layer_types": ["mamba", "attention"],
    "position_embedding_type": "nope",
    "mamba_n_heads": 4,
    "mamba_n_groups": 2,
    "mamba_d_head": 8,
    "mamba_d_state": 6,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_conv_bias": True,
    "mamba_proj_bias": False,
    "time_step_limit": [0.0, 0.9],
    "num_local_experts": 8,
    "num_experts_per_tok": 3,
    "intermediate_size": 8,
    "shared_intermediate_size": 12,
}

FAMILIES["nemotron_h"] = {
    "hybrid_override_pattern": "ME*E-",
    "num_hidden_layers": 5,
    "layer_norm_epsilon": 1e-5,
    "head_dim": 6,
    "mamba_num_heads": 4,
    "mamba_head_dim": 6,
    "n_groups": 2,
    "ssm_state_size": 4,
    "conv_kernel": 4,
    "use_conv_bias": True,
    "use_bias": False,
    "time_step_min": 0.001,
    "time_step_limit": [0.0, float("inf")],
    "mlp_hidden_act": "relu2",
    "mlp_bias": False,
    "intermediate_size": 24,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 8,
    "moe_latent_size": 10,
    "moe_shared_expert_intermediate_size": 12,
    "n_group": 1,
    "topk_group": 1,
    "norm_topk_prob": True,
    "routed_scaling_factor": 1.5,
}

# Families whose text model is one of another family inside a wrapper, with the wrapper's own keys.
WRAPPERS = {
    "qwen3_5_moe": {
        "text_config": {"model_type": "qwen3_5_moe_text", **COMMON, **FAMILIES["qwen3_5_moe_text"]},
        "tie_word_embeddings": False,
        "vision_config": {
            "depth": 1,
            "hidden_size": 8,
            "intermediate_size": 8,
            "num_heads": 2,
            "in_channels": 1,
            "out_hidden_size": 16,
            "patch_size": 2,
            "spatial_merge_size": 1,
            "temporal_patch_size": 1,
            "num_position_embeddings": 4,
        },
    },
}

WRAPPERS["qwen3_5"] = {
    **WRAPPERS["qwen3_5_moe"],
    "text_config": {"model_type": "qwen3_5_text", **COMMON, **FAMILIES["qwen3_5_text"]},
}

# Families whose class has another name than they have, or is not found by it.
VISION = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
WRAPPERS["llama4"] = {
    "text_config": {"model_type": "llama4_text", **COMMON, **LLAMA4},
    "vision_config": {
        **VISION,
        "image_size": 4,
        "patch_size": 2,
        "projector_input_dim": 8,
        "projector_output_dim": 8,
        "vision_output_dim": 8,
    },
}
WRAPPERS["mistral3"] = {
    "text_config": {"model_type": "mistral4", **COMMON, **FAMILIES["mistral4"]},
    "image_token_index": 3,
    "tie_word_embeddings": False,
    "vision_config": {
        **VISION,
        "model_type": "pixtral",
        "head_dim": 4,
        "image_size": 8,
        "patch_size": 4,
        "num_channels": 1,
    },
}
WRAPPERS["gemma4"] = {
    "text_config": {"model_type": "gemma4_text", **COMMON, **GEMMA4, **EXPERTS4},
    "vision_config": {
        **VISION,
        "num_key_value_heads": 2,
        "head_dim": 4,
        "patch_size": 2,
        "pooling_kernel_size": 1,
        "position_embedding_size": 4,
    },
    "audio_config": None,
    "tie_word_embeddings": True,
}

# Families whose class has another name than they have.
CLASSES = {
    "llama4": (Llama4Config, Llama4ForConditionalGeneration),
    "gemma4": (Gemma4Config, Gemma4ForConditionalGeneration),
    "kimi_k2": (DeepseekV3Config, DeepseekV3ForCausalLM),
    "mistral3": (Mistral3Config, Mistral3ForConditionalGeneration),
    "mistral4": (Mistral4Config, Mistral4ForCausalLM),
    "qwen3_5": (Qwen3_5Config, Qwen3_5ForConditionalGeneration),
    "qwen3_5_moe": (Qwen3_5MoeConfig, Qwen3_5MoeForConditionalGeneration),
}


def build(model_type, keys):
    torch.manual_seed(sum(map(ord, model_type)))
    if model_type in CLASSES:
        config_class, model_class = CLASSES[model_type]
        model = model_class(config_class(**keys))
    else:
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **keys))
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if "inv_freq" in name or "freqs_ci" in name or "embed_scale" in name:
                continue
            is_norm = tensor.dim() == 1 and "norm" in name and not name.endswith("bias")
            # A bias of the selection must not decide alone.
            scale = 0.1 if tensor.dim() == 1 else 0.35
            tensor.copy_((is_norm + scale * torch.randn(tensor.shape)).to(torch.bfloat16).to(tensor.dtype))
    return model.float().eval()


def name_as_published(file):
    """transformers saves the dense layers of Kimi-Linear under the name of those with experts."""
    dense = re.compile(r"block_sparse_moe\.(gate|up|down)_proj")
    tensors = {dense.sub(r"mlp.\1_proj", name): tensor for name, tensor in load_file(file).items()}
    save_file(tensors, file, {"format": "pt"})


def main(names):
    for model_type in names or FAMILIES:
        published = WRAPPERS.get(model_type) or {**COMMON, **FAMILIES[model_type]}
        vocab_size = published.get("text_config", published)["vocab_size"]
        model = build(model_type, {k: v for k, v in published.items() if k != "torch_dtype"})
        folder = FIXTURES / model_type
        shutil.rmtree(folder, ignore_errors=True)
        # Weights of whatever type are stored as BF16, and every value is one that BF16 has.
        model.to(torch.bfloat16).save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        if model_type == "kimi_linear":
            name_as_published(folder / "model.safetensors")
        class_name = type(model).__name__
        config = {"architectures": [class_name], "model_type": model_type, **published}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        config_class, load = CLASSES.get(model_type, (None, AutoModelForCausalLM))
        again, report = load.from_pretrained(
            folder,
            # Names are converted by the model_type that transformers knows.
            config=config_class and config_class(**{k: v for k, v in published.items() if k != "torch_dtype"}),
            dtype=torch.float32,
            output_loading_info=True,
            attn_implementation="eager",
            experts_implementation="eager",
        )
        assert not report["missing_keys"] and not report["unexpected_keys"], report
        again = again.float().eval()
        generator = torch.Generator().manual_seed(1)
        golden = {}
        with torch.no_grad():
            for i, length in enumerate((24, 9)):
                ids = torch.randint(3, vocab_size, (1, length), generator=generator)
                golden[f"s{i}.input_ids"] = ids[0].to(torch.int32)
                golden[f"s{i}.logits"] = again(ids).logits[0].float().contiguous()
                if i == 0:
                    greedy = again.generate(
                        ids, max_new_tokens=16, do_sample=False, eos_token_id=None, pad_token_id=0
                    )
                    golden["s0.greedy"] = greedy[0, length:].to(torch.int32).contiguous()
        save_file(golden, folder / "golden.safetensors")
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{model_type}: {size:,} bytes, logits up to {golden['s0.logits'].abs().max():.1f}")


main(sys.argv[1:])
