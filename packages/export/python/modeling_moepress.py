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
    OlmoeConfig,
    OlmoeForCausalLM,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)
from transformers.activations import ACT2FN


class Expert(nn.Module):
    """One gated MLP: down(act(gate x) * up x)."""

    def __init__(self, hidden_size, width, activation):
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, width, bias=False)
        self.up_proj = nn.Linear(hidden_size, width, bias=False)
        self.down_proj = nn.Linear(width, hidden_size, bias=False)
        self.activation = ACT2FN[activation]

    def forward(self, x):
        return self.down_proj(self.activation(self.gate_proj(x)) * self.up_proj(x))


class SharedSlots(nn.ModuleList):
    """The experts stored under one layer; called with what the router selected, like the stock experts."""

    def connect(self, stored, slots):
        """`stored[layer]` are the experts of every layer; slot i of this layer uses stored[slots[i][0]][slots[i][1]]."""
        distinct = sorted({tuple(slot) for slot in slots})
        # A plain list: an expert of another layer must not be registered, and saved, a second time.
        self.pool = [stored[layer][index] for layer, index in distinct]
        self.slots = [distinct.index(tuple(slot)) for slot in slots]

    def forward(self, hidden_states, top_k_index, top_k_weights):
        slots = torch.tensor(self.slots, device=top_k_index.device)
        weights = top_k_weights.new_zeros(hidden_states.shape[0], len(self.pool))
        weights.scatter_add_(1, slots[top_k_index], top_k_weights)
        result = torch.zeros_like(hidden_states)
        for expert, weight in zip(self.pool, weights.unbind(1)):
            tokens = weight.nonzero().squeeze(1)
            if tokens.numel() == 0:
                continue
            device = expert.down_proj.weight.device
            output = expert(hidden_states[tokens].to(device)).to(result.device)
            result.index_add_(0, tokens, (output * weight[tokens, None]).to(result.dtype))
        return result


class Compact:
    """Mixed into a stock causal language model: gives each MoE layer the experts that config.moepress lists."""

    def __init__(self, config):
        super().__init__(config)
        # OLMoE calls an expert's width by the name others give to that of a dense FFN.
        width = getattr(config, "moe_intermediate_size", None) or config.intermediate_size
        stored = {}
        for record in config.moepress["layers"]:
            experts = SharedSlots(Expert(config.hidden_size, width, config.hidden_act) for _ in record["experts"])
            self.model.layers[record["layer"]].mlp.experts = stored[record["layer"]] = experts
        for record in config.moepress["layers"]:
            stored[record["layer"]].connect(stored, record["slots"])


class MoepressOlmoeConfig(OlmoeConfig):
    model_type = "moepress_olmoe"


class MoepressOlmoeForCausalLM(Compact, OlmoeForCausalLM):
    config_class = MoepressOlmoeConfig


class MoepressQwen2MoeConfig(Qwen2MoeConfig):
    model_type = "moepress_qwen2_moe"


class MoepressQwen2MoeForCausalLM(Compact, Qwen2MoeForCausalLM):
    config_class = MoepressQwen2MoeConfig


class MoepressQwen3MoeConfig(Qwen3MoeConfig):
    model_type = "moepress_qwen3_moe"


class MoepressQwen3MoeForCausalLM(Compact, Qwen3MoeForCausalLM):
    config_class = MoepressQwen3MoeConfig
