"""Runs a compact moepress checkpoint in transformers: AutoModelForCausalLM.from_pretrained(..., trust_remote_code=True).

In such a checkpoint several router slots share one expert. Each expert is stored once, under the layer it came
from, and config.json says under "moepress" which slot of which layer uses which expert. The model is the stock one
of its family, with the experts of every MoE layer replaced by those below. The router is untouched: it selects among
as many slots as before, and the weights of slots that share an expert add up.

Needs transformers 5 or newer.
"""

import torch
from torch import nn
from transformers import (
    DeepseekV2Config,
    DeepseekV2ForCausalLM,
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    OlmoeConfig,
    OlmoeForCausalLM,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)
from transformers.activations import ACT2FN
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import WeightRenaming


class SharedSlots:
    """Mixed into a module that stores the experts of one layer; called with what the router selected, like the stock
    experts. `compute(index, x)` is the output of its expert `index`."""

    def connect(self, stored, slots):
        """`stored[layer]` are the experts of every layer; slot i of this layer uses expert slots[i][1] of stored[slots[i][0]]."""
        distinct = sorted({tuple(slot) for slot in slots})
        # A plain list: the experts of another layer must not be registered, and saved, a second time.
        self.pool = [(stored[layer], index) for layer, index in distinct]
        self.slots = [distinct.index(tuple(slot)) for slot in slots]

    def forward(self, hidden_states, top_k_index, top_k_weights):
        slots = torch.tensor(self.slots, device=top_k_index.device)
        weights = top_k_weights.new_zeros(hidden_states.shape[0], len(self.pool))
        weights.scatter_add_(1, slots[top_k_index], top_k_weights)
        result = torch.zeros_like(hidden_states)
        for (experts, index), weight in zip(self.pool, weights.unbind(1)):
            tokens = weight.nonzero().squeeze(1)
            if tokens.numel() == 0:
                continue
            output = experts.compute(index, hidden_states[tokens]).to(result.device)
            result.index_add_(0, tokens, (output * weight[tokens, None]).to(result.dtype))
        return result


class Expert(nn.Module):
    """One gated MLP: down(act(gate x) * up x)."""

    def __init__(self, hidden_size, width, activation):
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, width, bias=False)
        self.up_proj = nn.Linear(hidden_size, width, bias=False)
        self.down_proj = nn.Linear(width, hidden_size, bias=False)
        self.activation = ACT2FN[activation]

    def forward(self, x):
        x = x.to(self.down_proj.weight.device)
        return self.down_proj(self.activation(self.gate_proj(x)) * self.up_proj(x))


class SeparateExperts(SharedSlots, nn.ModuleList):
    """Experts with tensors of their own."""

    def __init__(self, config, count):
        # OLMoE and Mixtral call an expert's width by the name others give to that of a dense FFN.
        width = getattr(config, "moe_intermediate_size", None) or config.intermediate_size
        super().__init__(Expert(config.hidden_size, width, config.hidden_act) for _ in range(count))

    def compute(self, index, x):
        return self[index](x)


class StackedExperts(SharedSlots, nn.Module):
    """Experts in one tensor of each kind, numbered along its first axis: gpt-oss."""

    alpha = 1.702

    def __init__(self, config, count):
        super().__init__()
        self.limit = getattr(config, "swiglu_limit", 7.0)
        if count == 0:
            return
        hidden, width = config.hidden_size, config.intermediate_size
        self.gate_up_proj = nn.Parameter(torch.empty(count, hidden, 2 * width))
        self.gate_up_proj_bias = nn.Parameter(torch.empty(count, 2 * width))
        self.down_proj = nn.Parameter(torch.empty(count, width, hidden))
        self.down_proj_bias = nn.Parameter(torch.empty(count, hidden))

    def compute(self, index, x):
        x = x.to(self.down_proj.device)
        # Weights that were stored in MXFP4 come in bfloat16, whatever the model is loaded in.
        gate_up, down = self.gate_up_proj[index].to(x.dtype), self.down_proj[index].to(x.dtype)
        both = x @ gate_up + self.gate_up_proj_bias[index]
        gate, up = both[..., ::2].clamp(max=self.limit), both[..., 1::2].clamp(-self.limit, self.limit)
        activation = (up + 1) * gate * torch.sigmoid(self.alpha * gate)
        return activation @ down + self.down_proj_bias[index]


class CompactConfig:
    """Mixed into a stock config. Modules that compute with quantised weights know nothing of shared experts, so that
    these weights become plain ones as they are loaded."""

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        quantization = getattr(self, "quantization_config", None)
        if isinstance(quantization, dict):
            self.quantization_config = {**quantization, "dequantize": True}


class Compact:
    """Mixed into a stock causal language model: gives each MoE layer the experts that config.moepress lists."""

    experts_class = SeparateExperts

    def __init__(self, config):
        super().__init__(config)
        stored = {}
        for record in config.moepress["layers"]:
            experts = self.experts_class(config, len(record["experts"]))
            self.model.layers[record["layer"]].mlp.experts = stored[record["layer"]] = experts
        for record in config.moepress["layers"]:
            stored[record["layer"]].connect(stored, record["slots"])


class MoepressOlmoeConfig(CompactConfig, OlmoeConfig):
    model_type = "moepress_olmoe"


class MoepressOlmoeForCausalLM(Compact, OlmoeForCausalLM):
    config_class = MoepressOlmoeConfig


class MoepressQwen2MoeConfig(CompactConfig, Qwen2MoeConfig):
    model_type = "moepress_qwen2_moe"


class MoepressQwen2MoeForCausalLM(Compact, Qwen2MoeForCausalLM):
    config_class = MoepressQwen2MoeConfig


class MoepressQwen3MoeConfig(CompactConfig, Qwen3MoeConfig):
    model_type = "moepress_qwen3_moe"


class MoepressQwen3MoeForCausalLM(Compact, Qwen3MoeForCausalLM):
    config_class = MoepressQwen3MoeConfig


class MoepressMixtralConfig(CompactConfig, MixtralConfig):
    model_type = "moepress_mixtral"


class MoepressMixtralForCausalLM(Compact, MixtralForCausalLM):
    config_class = MoepressMixtralConfig


# Mixtral's own names, which transformers changes as it loads; those of the other families it keeps.
register_checkpoint_conversion_mapping(
    MoepressMixtralConfig.model_type,
    [
        WeightRenaming(".block_sparse_moe.", ".mlp."),
        WeightRenaming(".w1.", ".gate_proj."),
        WeightRenaming(".w3.", ".up_proj."),
        WeightRenaming(".w2.", ".down_proj."),
    ],
    overwrite=True,
)


class MoepressDeepseekV2Config(CompactConfig, DeepseekV2Config):
    model_type = "moepress_deepseek_v2"


class MoepressDeepseekV2ForCausalLM(Compact, DeepseekV2ForCausalLM):
    config_class = MoepressDeepseekV2Config


class MoepressDeepseekV3Config(CompactConfig, DeepseekV3Config):
    model_type = "moepress_deepseek_v3"


class MoepressDeepseekV3ForCausalLM(Compact, DeepseekV3ForCausalLM):
    config_class = MoepressDeepseekV3Config


class MoepressGptOssConfig(CompactConfig, GptOssConfig):
    model_type = "moepress_gpt_oss"


class MoepressGptOssForCausalLM(Compact, GptOssForCausalLM):
    config_class = MoepressGptOssConfig
    experts_class = StackedExperts
