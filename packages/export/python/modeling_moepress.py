"""Runs a compact moepress checkpoint in transformers: AutoModelForCausalLM.from_pretrained(..., trust_remote_code=True).

In such a checkpoint several router slots share one expert, or experts differ in width. Each expert is stored once,
under the layer it came from and as narrow as it is, and config.json says under "moepress" which slot of which layer
uses which expert, and how wide they are. The model is the stock one of its family, with the experts of every MoE
layer replaced by those below. The router selects among slots, and the weights of those that share an expert add up; a
layer may have another number of slots, or select another number of them, than config.json says for all. Layers listed
there under "dense" have one MLP in the place of router and experts, and those under "dropped" lack their attention, their
FFN, or both.

Needs transformers 5 or newer.
"""

import copy
import inspect
import re

import torch
import transformers
from torch import nn
from transformers.activations import ACT2FN
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import Concatenate, WeightConverter, WeightRenaming


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


def clamped_swiglu(config):
    """The activation of gpt-oss, with the limit that its class has whatever config.json says."""

    def activation(gate, up):
        gate, up = gate.clamp(max=7.0), up.clamp(-7.0, 7.0)
        return (up + 1) * gate * torch.sigmoid(1.702 * gate)

    return activation


def gated(config):
    """act(gate) * up"""
    # Gemma reads another key, whatever stands under the common one, and LFM2 has none.
    name = getattr(config, "hidden_activation", None) or getattr(config, "hidden_act", "silu")
    if isinstance(config, transformers.NemotronHConfig):
        return ACT2FN[config.mlp_hidden_act]
    function = ACT2FN[name]
    return lambda gate, up: function(gate) * up


class Expert(nn.Module):
    """One gated MLP: down(activation(gate x, up x))."""

    def __init__(self, hidden_size, width, activation, bias):
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, width, bias=bias)
        self.up_proj = nn.Linear(hidden_size, width, bias=bias)
        self.down_proj = nn.Linear(width, hidden_size, bias=bias)
        self.activation = activation

    def forward(self, x):
        x = x.to(self.down_proj.weight.device)
        return self.down_proj(self.activation(self.gate_proj(x), self.up_proj(x)))


class NumberedExpert(nn.Module):
    """The same under the names of LFM2, whose dense layers have them too."""

    def __init__(self, hidden_size, width, activation, bias):
        super().__init__()
        self.w1 = nn.Linear(hidden_size, width, bias=bias)
        self.w3 = nn.Linear(hidden_size, width, bias=bias)
        self.w2 = nn.Linear(width, hidden_size, bias=bias)
        self.activation = activation

    def forward(self, x):
        x = x.to(self.w2.weight.device)
        return self.w2(self.activation(self.w1(x), self.w3(x)))


class UngatedExpert(nn.Module):
    """down(activation(up x)): Nemotron-H."""

    def __init__(self, hidden_size, width, activation, bias):
        super().__init__()
        self.up_proj = nn.Linear(hidden_size, width, bias=bias)
        self.down_proj = nn.Linear(width, hidden_size, bias=bias)
        self.activation = activation

    def forward(self, x):
        x = x.to(self.down_proj.weight.device)
        return self.down_proj(self.activation(self.up_proj(x)))


def expert_class(config):
    if isinstance(config, transformers.NemotronHConfig):
        return UngatedExpert
    return NumberedExpert if isinstance(config, transformers.Lfm2MoeConfig) else Expert


class Bias(nn.Module):
    """A linear layer without inputs."""

    def __init__(self, size):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size))


class EmptyExpert(nn.Module):
    """An expert that lost all its channels, or yields a constant: of its tensors only the bias of its output, if it has one, is
    stored."""

    def __init__(self, hidden_size, bias, name="down_proj"):
        super().__init__()
        if bias:
            self.add_module(name, Bias(hidden_size))

    def forward(self, x):
        for down in self.children():
            return down.bias.to(x.dtype).expand_as(x)
        return torch.zeros_like(x)


class DenseFfn(nn.Module):
    """What a whole MoE became: one MLP for every token, and the family's shared expert beside it where its gate stayed."""

    def __init__(self, config, record, moe):
        super().__init__()
        self.is_gpt_oss = isinstance(config, transformers.GptOssConfig)
        width = record["width"]
        bias = self.is_gpt_oss or getattr(config, "mlp_bias", False)
        if width:
            activation = (clamped_swiglu if self.is_gpt_oss else gated)(config)
            mlp = expert_class(config)(config.hidden_size, width, activation, bias)
        else:
            mlp = EmptyExpert(config.hidden_size, bias)
        # The projections stand under this module's own name, as those of the family's dense layers do.
        for name, module in mlp.named_children():
            self.add_module(name, module)
        self.compute = type(mlp).forward
        self.activation = getattr(mlp, "activation", None)
        if record["shared"]:
            self.shared_expert, self.shared_expert_gate = moe.shared_expert, moe.shared_expert_gate

    def forward(self, hidden_states):
        output = self.compute(self, hidden_states)
        if hasattr(self, "shared_expert"):
            gate = torch.sigmoid(self.shared_expert_gate(hidden_states))
            output = output + gate * self.shared_expert(hidden_states)
        # The decoder layers of gpt-oss expect the router's scores as well.
        return (output, None) if self.is_gpt_oss else output


class SeparateExperts(SharedSlots, nn.ModuleList):
    """Experts with tensors of their own, each of its own width."""

    def __init__(self, config, widths, constants=()):
        is_gpt_oss = isinstance(config, transformers.GptOssConfig)
        activation = (clamped_swiglu if is_gpt_oss else gated)(config)
        hidden = config.hidden_size
        expert = expert_class(config)
        # Experts of Nemotron-H may see a narrower space than the router.
        hidden = getattr(config, "moe_latent_size", None) or hidden
        super().__init__(
            expert(hidden, width, activation, is_gpt_oss)
            if width
            else EmptyExpert(hidden, is_gpt_oss or number in constants, "w2" if expert is NumberedExpert else "down_proj")
            for number, width in enumerate(widths)
        )

    def compute(self, index, x):
        return self[index](x)


class StackedExperts(SharedSlots, nn.Module):
    """Experts of one width in one tensor of each kind, numbered along its first axis: gpt-oss."""

    def __init__(self, config, widths):
        super().__init__()
        self.activation = clamped_swiglu(config)
        if not widths:
            return
        count, width, hidden = len(widths), widths[0], config.hidden_size
        self.gate_up_proj = nn.Parameter(torch.empty(count, hidden, 2 * width))
        self.gate_up_proj_bias = nn.Parameter(torch.empty(count, 2 * width))
        self.down_proj = nn.Parameter(torch.empty(count, width, hidden))
        self.down_proj_bias = nn.Parameter(torch.empty(count, hidden))

    def compute(self, index, x):
        x = x.to(self.down_proj.device)
        # Weights that were stored in MXFP4 come in bfloat16, whatever the model is loaded in.
        gate_up, down = self.gate_up_proj[index].to(x.dtype), self.down_proj[index].to(x.dtype)
        both = x @ gate_up + self.gate_up_proj_bias[index]
        return self.activation(both[..., ::2], both[..., 1::2]) @ down + self.down_proj_bias[index]


class RowStackedExperts(SharedSlots, nn.Module):
    """The same without biases, with the rows of the gate before those of up: Granite, Mistral 4, Qwen3.5."""

    def __init__(self, config, widths):
        super().__init__()
        self.activation = gated(config)
        if not widths:
            return
        count, width, hidden = len(widths), widths[0], config.hidden_size
        self.gate_up_proj = nn.Parameter(torch.empty(count, 2 * width, hidden))
        self.down_proj = nn.Parameter(torch.empty(count, hidden, width))

    def compute(self, index, x):
        x = x.to(self.down_proj.device)
        gate, up = nn.functional.linear(x, self.gate_up_proj[index]).chunk(2, dim=-1)
        return nn.functional.linear(self.activation(gate, up), self.down_proj[index])


class Nothing(nn.Module):
    """Adds nothing to what it is added to."""

    def forward(self, hidden_states, *_, **__):
        return torch.zeros_like(hidden_states)


def remember_tokens(cache, hidden_states, layer):
    """The cache of a layer lets others know how many tokens there were, also where the layer has no keys of its own."""
    if cache is not None:
        seen = hidden_states.new_zeros(hidden_states.shape[0], 1, hidden_states.shape[1], 1)
        cache.update(seen, seen, layer)


class NoAttention(nn.Module):
    """Attention that adds nothing."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, hidden_states, *_, past_key_values=None, **__):
        remember_tokens(past_key_values, hidden_states, self.layer)
        return torch.zeros_like(hidden_states), None


# What decoder layers call attention, or what stands in its place.
MIXERS = ("self_attn", "linear_attn", "conv", "mamba")


def drop_parts(decoder_layer, record, moe):
    """Takes the parts of a layer away that the record lists, with their norms."""
    # A layer of Nemotron-H is one part and nothing else.
    if len(record["parts"]) == 2 or hasattr(decoder_layer, "mixer"):
        return pass_through(decoder_layer, record["layer"])
    if "attention" in record["parts"]:
        name, remembers = mixer_of(decoder_layer)
        setattr(decoder_layer, name, NoAttention(record["layer"]) if remembers else Nothing())
    else:
        drop_ffn(decoder_layer, moe or "mlp")
    for name in record["norms"]:
        setattr(decoder_layer, name, nn.Identity())


def mixer_of(decoder_layer):
    """What a layer calls attention or what stands in its place, and whether that has keys, and returns two values."""
    name = next((name for name in MIXERS if getattr(decoder_layer, name, None) is not None), None)
    is_linear = getattr(decoder_layer, "block_type", None) == "linear_attention"
    return name, name == "self_attn" and not is_linear


def pass_through(decoder_layer, layer):
    """Makes a layer yield what comes in."""
    _, remembers = mixer_of(decoder_layer)
    for name in [*decoder_layer._modules, *decoder_layer._parameters, *decoder_layer._buffers]:
        delattr(decoder_layer, name)

    def forward(hidden_states, *_, past_key_values=None, **__):
        if remembers:
            remember_tokens(past_key_values, hidden_states, layer)
        return hidden_states

    decoder_layer.forward = forward


def drop_ffn(decoder_layer, name):
    if hasattr(decoder_layer, "has_experts"):  # Granite 4 has an MLP beside the experts.
        decoder_layer.block_sparse_moe, decoder_layer.has_experts = None, False
        decoder_layer.shared_mlp = Nothing()
    elif hasattr(decoder_layer, "enable_moe_block"):  # Gemma 4 has router and experts beside the MLP.
        decoder_layer.router, decoder_layer.experts, decoder_layer.enable_moe_block = None, None, False
        decoder_layer.mlp = Nothing()
    else:
        setattr(decoder_layer, name, NoFfn(decoder_layer))


class NoFfn(Nothing):
    """The same in the place of what returns two values in some families."""

    def __init__(self, decoder_layer):
        super().__init__()
        self.returns_scores = type(decoder_layer).__name__.startswith("GptOss")
        # Layers of Llama 4 expect the router's logits as well, unless they know that they are dense.
        if hasattr(decoder_layer, "is_moe_layer"):
            decoder_layer.is_moe_layer = False

    def forward(self, hidden_states):
        output = super().forward(hidden_states)
        return (output, None) if self.returns_scores else output


def condense_granite(decoder_layer, config, record):
    """Granite 4 has an MLP beside the experts, which stands alone where there are none: what the MoE became."""
    decoder_layer.block_sparse_moe, decoder_layer.has_experts = None, False
    if not record["width"]:
        decoder_layer.shared_mlp = Nothing()
        return
    own = copy.copy(config)
    own.shared_intermediate_size = record["width"]
    decoder_layer.shared_mlp = type(decoder_layer.shared_mlp)(own)


def by_slot(experts, routed_in):
    """What the slots yield for their inputs [slots * tokens, H]: that of slots that share an expert stands in the first of
    them, which sees the sum of their inputs, of which no more than one is not zero."""
    inputs = routed_in.view(len(experts.slots), -1, routed_in.shape[-1])
    outputs = torch.zeros_like(inputs)
    for place, (stored, index) in enumerate(experts.pool):
        shared = [slot for slot, own in enumerate(experts.slots) if own == place]
        outputs[shared[0]] = stored.compute(index, inputs[shared].sum(0)).to(outputs.dtype)
    return outputs.view(routed_in.shape)


class InputWeightedExperts(SharedSlots, nn.Module):
    """Experts of one width that get their input multiplied by the router's weight, which is zero where they were not
    chosen, and have no biases: Llama 4. Called with the inputs of all slots, one slot after the other. Their tensors are
    transposed, with the columns of the gate before those of up."""

    def __init__(self, config, widths):
        super().__init__()
        self.activation = gated(config)
        if not widths:
            return
        count, width, hidden = len(widths), widths[0], config.hidden_size
        self.gate_up_proj = nn.Parameter(torch.empty(count, hidden, 2 * width))
        self.down_proj = nn.Parameter(torch.empty(count, width, hidden))

    def compute(self, index, x):
        x = x.to(self.down_proj.device)
        gate, up = (x @ self.gate_up_proj[index]).chunk(2, dim=-1)
        return self.activation(gate, up) @ self.down_proj[index]

    forward = by_slot


class SeparateInputWeightedExperts(SeparateExperts):
    """The same, each with tensors of its own and its own width."""

    forward = by_slot


class CompactConfig:
    """Mixed into a stock config. Modules that compute with quantised weights know nothing of shared experts, so that
    these weights become plain ones as they are loaded."""

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        quantization = getattr(self, "quantization_config", None)
        if isinstance(quantization, dict):
            self.quantization_config = {**quantization, "dequantize": True}


# Where models have their decoder layers, those for several media within the language model that they wrap.
LAYERS = ("model.layers", "model.language_model.layers", "language_model.model.layers")


class Compact:
    """Mixed into a stock causal language model, or a model for several media that wraps one: gives each layer the experts, or the MLP, that config.moepress lists."""

    # Of one width, which config.json has for all.
    uniform_experts = SeparateExperts
    # Of widths of their own.
    ragged_experts = SeparateExperts
    # What a decoder layer calls its MoE; None where it has the experts itself.
    moe = "mlp"

    def __init__(self, config):
        super().__init__(config)
        modules = dict(self.named_modules())
        layers = next(modules[name] for name in LAYERS if name in modules)
        text_config = config.get_text_config()
        for record in config.moepress.get("dense", []):
            self.condense(layers[record["layer"]], text_config, record)
        for record in config.moepress.get("dropped", []):
            drop_parts(layers[record["layer"]], record, self.moe)
        stored = {}
        for record in config.moepress["layers"]:
            if "config" in record:
                self.rebuild_router(layers[record["layer"]], text_config, record)
            experts = stored[record["layer"]] = self.build_experts(text_config, record)
            decoder_layer = layers[record["layer"]]
            (getattr(decoder_layer, self.moe) if self.moe else decoder_layer).experts = experts
        for record in config.moepress["layers"]:
            stored[record["layer"]].connect(stored, record["slots"])

    def condense(self, decoder_layer, config, record):
        if isinstance(config, transformers.GraniteMoeHybridConfig):
            condense_granite(decoder_layer, config, record)
        else:
            setattr(decoder_layer, self.moe, DenseFfn(config, record, getattr(decoder_layer, self.moe)))
            # Layers of Llama 4 expect the router's logits as well, unless they know that they are dense.
            if hasattr(decoder_layer, "is_moe_layer"):
                decoder_layer.is_moe_layer = False

    def rebuild_router(self, decoder_layer, config, record):
        """Gives a layer the router that the settings of its own ask for, in place of the one that those of all made."""
        own = copy.copy(config)
        for key, value in record["config"].items():
            setattr(own, key, value)
        name = self.moe or "router"
        kind = type(getattr(decoder_layer, name))
        takes_layer = "layer_idx" in inspect.signature(kind).parameters
        setattr(decoder_layer, name, kind(own, layer_idx=record["layer"]) if takes_layer else kind(own))

    def build_experts(self, config, record):
        if "widths" in record:
            return self.ragged_experts(config, record["widths"], record.get("constants", ()))
        # OLMoE, Mixtral and gpt-oss call an expert's width by the name others give to that of a dense FFN.
        width = getattr(config, "moe_intermediate_size", None) or config.intermediate_size
        if isinstance(width, list):  # Hunyuan, whose layers have one width all the same.
            width = width[record["layer"]]
        return self.uniform_experts(config, [width] * len(record["experts"]))


# Families that store the experts of a layer in one tensor only.
STACKED = {
    "gpt_oss": StackedExperts,
    "granitemoe": RowStackedExperts,
    "mistral4": RowStackedExperts,
    "qwen3_5_moe_text": RowStackedExperts,
    "granitemoehybrid": RowStackedExperts,
    "gemma4_text": RowStackedExperts,
    "llama4_text": InputWeightedExperts,
}

# Families whose experts of widths of their own are called otherwise than those of most.
RAGGED = {"llama4_text": SeparateInputWeightedExperts}

# Families whose decoder layers do not call their MoE mlp.
MOE_NAMES = {
    "granitemoe": "block_sparse_moe",
    "granitemoehybrid": "block_sparse_moe",
    "gemma4_text": None,
    "lfm2_moe": "feed_forward",
    "llama4_text": "feed_forward",
    "nemotron_h": "mixer",
}

MIXTRAL_NAMES = {
    ".block_sparse_moe.": ".mlp.",
    ".w1.": ".gate_proj.",
    ".w3.": ".up_proj.",
    ".w2.": ".down_proj.",
}

GRANITE_NAMES = {
    ".block_sparse_moe.router.layer.": ".block_sparse_moe.router.",
    ".block_sparse_moe.input_linear.weight": ".block_sparse_moe.experts.gate_up_proj",
    ".block_sparse_moe.output_linear.weight": ".block_sparse_moe.experts.down_proj",
}

# Names of a family that transformers changes as it loads; those of the others it keeps.
RENAMINGS = {
    "mixtral": MIXTRAL_NAMES,
    "minimax_m2": MIXTRAL_NAMES,
    "phimoe": {".block_sparse_moe.gate.": ".mlp.router.", **MIXTRAL_NAMES},
    "hy_v3": {
        # With its ending, so that saving does not take ".mlp.gate_proj." for it: names are patterns.
        ".mlp.router.gate.weight": ".mlp.gate.weight",
        ".mlp.expert_bias": ".mlp.e_score_correction_bias",
        ".mlp.shared_mlp.": ".mlp.shared_experts.",
    },
    "kimi_linear": {
        ".self_attn.f_a_proj.": ".self_attn.forget_gate.f_a_proj.",
        ".self_attn.f_b_proj.": ".self_attn.forget_gate.f_b_proj.",
        ".self_attn.dt_bias": ".self_attn.forget_gate.dt_bias",
        ".self_attn.A_log": ".self_attn.forget_gate.A_log",
        **MIXTRAL_NAMES,
    },
    "ernie4_5_moe": {".mlp.moe_statics.": ".mlp.gate.moe_statics."},
    "exaone_moe": {".mlp.e_score_correction_bias": ".mlp.gate.e_score_correction_bias"},
    "mimo_v2_flash": {".self_attn.attention_sink_bias": ".self_attn.sinks"},
    "granitemoe": GRANITE_NAMES,
    "granitemoehybrid": GRANITE_NAMES,
    "nemotron_h": {"^backbone.": "model."},
}

# Tensors of a family that transformers puts together as it loads, but for its experts.
CONVERTERS = {
    "kimi_linear": [
        WeightConverter(
            [f"self_attn.{part}_conv1d.weight" for part in "qkv"],
            "self_attn.conv1d.weight",
            operations=[Concatenate(dim=0)],
        )
    ],
}


def __getattr__(name):
    """`Moepress<Family>ForCausalLM` and `Moepress<Family>Config`, which config.json names: made of the stock classes of the
    family when they are first asked for, so that any family of transformers has them. Wrappers have
    `Moepress<Family>ForConditionalGeneration` and `Moepress<Family>ForConditionalGenerationConfig`."""
    match = re.fullmatch(r"Moepress(\w+?)(?:(ForConditionalGeneration)(?:Config)?|Config|ForCausalLM)", name)
    if match is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    family, wrapper = match.groups()
    kind = wrapper or "ForCausalLM"
    stock_model = getattr(transformers, f"{family}{kind}")
    # Not by its name: that of a text model has the name of the wrapper's class and a word more.
    stock_config = stock_model.config_class
    # The traits below are those of the language model.
    stock_type = stock_config.sub_configs["text_config"].model_type if wrapper else stock_config.model_type
    config = type(
        f"Moepress{family}{wrapper or ''}Config",
        (CompactConfig, stock_config),
        {"__module__": __name__, "model_type": f"moepress_{stock_config.model_type}"},
    )
    own = {"__module__": __name__, "config_class": config}
    if stock_type in STACKED:
        own["uniform_experts"] = STACKED[stock_type]
    if stock_type in RAGGED:
        own["ragged_experts"] = RAGGED[stock_type]
    if stock_type in MOE_NAMES:
        own["moe"] = MOE_NAMES[stock_type]
    model = type(f"Moepress{family}{kind}", (Compact, stock_model), own)
    if stock_type in RENAMINGS:
        renamings = [WeightRenaming(stored, loaded) for stored, loaded in RENAMINGS[stock_type].items()]
        conversions = [*renamings, *CONVERTERS.get(stock_type, [])]
        register_checkpoint_conversion_mapping(config.model_type, conversions, overwrite=True)
    globals().update({config.__name__: config, model.__name__: model})
    return globals()[name]
