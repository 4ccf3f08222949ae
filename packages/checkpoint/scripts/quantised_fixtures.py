"""
Makes the fixtures quantised/<name>: one small Qwen3-MoE with random weights, quantised in each format by the code that
defines it, and golden.json, what that code makes of the stored weights: the SHA-256 of each in the model's type, and the
logits that transformers computes with them in fp32.

Run from the root of the repository with a Python that has torch, transformers, safetensors and pydantic, and with checkouts of
vllm-project/compressed-tensors, casper-hansen/AutoAWQ and AutoGPTQ/AutoGPTQ:
python packages/checkpoint/scripts/quantised_fixtures.py COMPRESSED_TENSORS AUTOAWQ AUTOGPTQ
FP8 with scales in E8M0 and ModelOpt's NVFP4 are written by this script from their descriptions.
"""
import hashlib
import importlib.util
import json
import os
import re
import sys
import types

import torch
from safetensors.torch import save_file
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

CT, AWQ, GPTQ = sys.argv[1:4]
sys.path.insert(0, f"{CT}/src")
sys.modules.setdefault("compressed_tensors.version", types.ModuleType("compressed_tensors.version"))

from compressed_tensors.compressors import BaseCompressor  # noqa: E402
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme  # noqa: E402
from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam  # noqa: E402

FIXTURES = "packages/checkpoint/fixtures/quantised"
IDS = [5, 17, 33, 1, 50, 60, 2, 44]
CONFIG = dict(
    vocab_size=64,
    hidden_size=64,
    intermediate_size=64,
    moe_intermediate_size=64,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=32,
    num_experts=4,
    num_experts_per_tok=2,
    norm_topk_prob=True,
    tie_word_embeddings=False,
    decoder_sparse_step=1,
    mlp_only_layers=[],
    max_position_embeddings=128,
    initializer_range=0.2,
)
EXPERTS = r"re:.*mlp\.experts\.\d+\.(gate|up|down)_proj"
IGNORE = ["lm_head", "re:.*self_attn.*", "re:.*mlp.gate$"]


def plain_weights(dtype):
    """Weights under the names of files, each expert by itself."""
    torch.manual_seed(7)
    shapes = {"model.embed_tokens.weight": (64, 64), "lm_head.weight": (64, 64), "model.norm.weight": (64,)}
    layer = "model.layers.0"
    for name, shape in {"q_proj": (64, 64), "k_proj": (32, 64), "v_proj": (32, 64), "o_proj": (64, 64)}.items():
        shapes[f"{layer}.self_attn.{name}.weight"] = shape
    for name, width in {"self_attn.q_norm": 32, "self_attn.k_norm": 32, "input_layernorm": 64, "post_attention_layernorm": 64}.items():
        shapes[f"{layer}.{name}.weight"] = (width,)
    shapes[f"{layer}.mlp.gate.weight"] = (4, 64)
    for expert in range(4):
        for name in ("gate_proj", "up_proj", "down_proj"):
            shapes[f"{layer}.mlp.experts.{expert}.{name}.weight"] = (64, 64)
    make = lambda shape: (torch.rand(shape) + 0.5) if len(shape) == 1 else torch.randn(shape) * 0.2
    return {name: make(shape).to(dtype) for name, shape in shapes.items()}


def logits_of(weights):
    """What transformers computes, in fp32."""
    model = Qwen3MoeForCausalLM(Qwen3MoeConfig(**CONFIG)).eval().float()
    fused = {name: value.float() for name, value in weights.items() if ".experts." not in name}
    part = lambda expert, name: weights[f"model.layers.0.mlp.experts.{expert}.{name}.weight"].float()
    both = [torch.cat([part(e, "gate_proj"), part(e, "up_proj")]) for e in range(4)]
    fused["model.layers.0.mlp.experts.gate_up_proj"] = torch.stack(both)
    fused["model.layers.0.mlp.experts.down_proj"] = torch.stack([part(e, "down_proj") for e in range(4)])
    missing = model.load_state_dict(fused, strict=True)
    assert not missing.missing_keys
    with torch.no_grad():
        return model(torch.tensor([IDS])).logits[0, -1].tolist()


def sha(tensor):
    return hashlib.sha256(tensor.contiguous().view(torch.int16).numpy().tobytes()).hexdigest()


golden = {}


def write(name, tensors, decoded, quantisation, dtype):
    """`tensors`: all of the file; `decoded`: the weights that were quantised, as their code reads them again."""
    folder = f"{FIXTURES}/{name}"
    os.makedirs(folder, exist_ok=True)
    config = {**Qwen3MoeConfig(**CONFIG).to_dict(), "architectures": ["Qwen3MoeForCausalLM"]}
    for key in ("transformers_version", "_name_or_path", "dtype"):
        config.pop(key, None)
    config["torch_dtype"] = str(dtype).removeprefix("torch.")
    config["quantization_config"] = quantisation
    with open(f"{folder}/config.json", "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")
    save_file({key: value.contiguous() for key, value in tensors.items()}, f"{folder}/model.safetensors", {"format": "pt"})
    weights = plain_weights(dtype)
    weights.update(decoded)
    logits = [round(value, 5) for value in logits_of(weights)]
    golden[name] = {"ids": IDS, "weights": {key: sha(value) for key, value in sorted(decoded.items())}, "logits": logits}


def bounds(weight, args):
    """Least and largest number of each block."""
    strategy = args.strategy
    if strategy == "tensor":
        return weight.min().reshape(1), weight.max().reshape(1)
    if strategy == "channel":
        return weight.amin(1, keepdim=True), weight.amax(1, keepdim=True)
    if strategy == "block":
        height, width = args.block_structure
        blocks = weight.reshape(weight.shape[0] // height, height, weight.shape[1] // width, width)
        return blocks.amin((1, 3)), blocks.amax((1, 3))
    groups = weight.reshape(weight.shape[0], -1, args.group_size)
    return groups.amin(2), groups.amax(2)


def compress(weight, scheme, seed):
    """The tensors of a weight by suffix, and what they are read as again."""
    args = scheme.weights
    state = {"weight": weight}
    numbers = weight.float()
    if args.actorder == "group":
        order = torch.randperm(weight.shape[1], generator=torch.Generator().manual_seed(seed))
        state["weight_g_idx"] = (torch.argsort(order) // args.group_size).to(torch.int32)
        numbers = numbers[:, torch.argsort(state["weight_g_idx"], stable=True)]
    global_scale = None
    if args.strategy == "tensor_group":
        global_scale = generate_gparam(numbers.min(), numbers.max())
        state["weight_global_scale"] = global_scale
    scale, zero = calculate_qparams(*bounds(numbers, args), args, global_scale)
    state["weight_scale"] = scale.float() if args.strategy in ("tensor", "tensor_group") else scale.to(weight.dtype)
    state["weight_zero_point"] = zero
    if scheme.format == "nvfp4-pack-quantized":
        state["input_global_scale"] = torch.tensor([2.5 + seed])
        state["weight_zero_point"] = None
    if scheme.format == "mxfp4-pack-quantized":
        state["weight_zero_point"] = None
    compressor = BaseCompressor.get_value_from_registry(scheme.format)
    stored = {key: value for key, value in compressor.compress(state, scheme).items() if value is not None}
    read = compressor.decompress({key: value.clone() for key, value in stored.items()}, scheme)["weight"]
    return stored, read.to(weight.dtype)


def compressed_tensors(name, groups, format, ignore=IGNORE, inputs=None):
    dtype = torch.bfloat16
    schemes = [
        QuantizationScheme(targets=targets, weights=QuantizationArgs(**weights), format=own, input_activations=inputs)
        for targets, weights, own in groups
    ]
    tensors, decoded = {}, {}
    for seed, (key, weight) in enumerate(plain_weights(dtype).items()):
        module = key.removesuffix(".weight")
        ignored = any(re.match(entry[3:], module) if entry.startswith("re:") else entry == module for entry in ignore)
        matches = lambda target: re.match(target[3:], module) if target.startswith("re:") else target == "Linear"
        found = [scheme for scheme in schemes if any(matches(target) for target in scheme.targets)]
        if ignored or not found or weight.ndim < 2 or "embed" in key:
            tensors[key] = weight
            continue
        stored, decoded[key] = compress(weight, found[0], seed)
        tensors.update({f"{module}.{suffix}": value for suffix, value in stored.items()})
        if inputs is not None and inputs.dynamic is False:
            tensors[f"{module}.input_scale"] = torch.tensor([0.01 * (seed + 1)])
    keys = ("targets", "weights", "input_activations", "output_activations", "format")
    as_json = lambda scheme: {key: json.loads(scheme.model_dump_json())[key] for key in keys}
    quantisation = {
        "config_groups": {f"group_{i}": as_json(scheme) for i, scheme in enumerate(schemes)},
        "format": format,
        "global_compression_ratio": None,
        "ignore": ignore,
        "kv_cache_scheme": None,
        "quant_method": "compressed-tensors",
        "quantization_status": "compressed",
    }
    write(name, tensors, decoded, quantisation, dtype)


def one(name, format, weights, **options):
    compressed_tensors(name, [(["Linear"], weights, format)], format, **options)


INT4 = dict(num_bits=4, type="int", strategy="group", group_size=32)
DYNAMIC = QuantizationArgs(num_bits=8, type="float", strategy="token", dynamic=True)


def load(path, package):
    """A module of a checkout by itself, without what its package imports."""
    spec = importlib.util.spec_from_file_location(package, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def input_major(name, quantisation, quantise):
    """Formats of [in, out] in F16: `quantise` gives the tensors of a weight and what they mean."""
    tensors, decoded = {}, {}
    for seed, (key, weight) in enumerate(plain_weights(torch.float16).items()):
        if weight.ndim < 2 or not re.search(r"experts|q_proj|o_proj", key):
            tensors[key] = weight
            continue
        stored, decoded[key] = quantise(weight, seed)
        tensors.update({f"{key.removesuffix('.weight')}.{suffix}": value for suffix, value in stored.items()})
    write(name, tensors, decoded, quantisation, torch.float16)


def integer_grid(weight, bits, group, symmetric):
    """Scales and zero points [out, groups] by least and largest numbers."""
    groups = weight.float().reshape(weight.shape[0], -1, group)
    if symmetric:
        return groups.abs().amax(2) / (2 ** (bits - 1) - 0.5), torch.full(groups.shape[:2], 2.0 ** (bits - 1))
    low, high = groups.amin(2).clamp(max=0), groups.amax(2).clamp(min=0)
    scale = (high - low) / (2**bits - 1)
    return scale, torch.round(-low / scale).clamp(1, 2**bits - 1)


def awq(weight, _):
    packing = load(f"{AWQ}/awq/utils/packing_utils.py", "awq_packing")
    scale, zero = integer_grid(weight, 4, 32, False)
    scale = scale.to(torch.float16)
    codes = torch.round(weight.float() / scale.float().repeat_interleave(32, 1)) + zero.repeat_interleave(32, 1)
    pack = lambda rows: sum(
        (rows[:, packing.AWQ_ORDER[i] :: 8].to(torch.int64) << (4 * i)) for i in range(8)
    ).to(torch.uint32).view(torch.int32).contiguous()
    stored = {
        "qweight": pack(codes.clamp(0, 15).t()),
        "qzeros": pack(zero.t()),
        "scales": scale.t().contiguous(),
    }
    read = packing.dequantize_gemm(stored["qweight"], stored["qzeros"], stored["scales"], 4, 32)
    return stored, read.t().contiguous()


def gptq(bits, group, symmetric, ordered):
    module = load(f"{GPTQ}/auto_gptq/nn_modules/qlinear/qlinear_cuda.py", "gptq_linear")

    def quantise(weight, seed):
        out, into = weight.shape
        size = into if group == -1 else group
        order = torch.arange(into) // size
        if ordered:
            order = order[torch.randperm(into, generator=torch.Generator().manual_seed(seed))]
        sorted_weight = weight[:, torch.argsort(order, stable=True)]
        scale, zero = integer_grid(sorted_weight, bits, size, symmetric)
        linear = torch.nn.Linear(into, out, bias=False, dtype=torch.float16)
        linear.weight.data = weight.clone()
        packed = module.QuantLinear(bits, group, into, out, False)
        packed.pack(linear, scale.to(torch.float16).float(), zero.float(), order.to(torch.int32))
        stored = {"qweight": packed.qweight, "qzeros": packed.qzeros, "scales": packed.scales, "g_idx": packed.g_idx}
        read = packed(torch.eye(into, dtype=torch.float16)).t().contiguous()
        return {key: value.detach().clone() for key, value in stored.items()}, read

    return quantise


def gptq_config(bits, group, symmetric, ordered, **more):
    return {"bits": bits, "group_size": group, "sym": symmetric, "desc_act": ordered, "quant_method": "gptq", **more}


def squares_e8m0(name):
    """DeepSeek-V4's scales: the power of two above the largest number over 448."""
    tensors, decoded = {}, {}
    for key, weight in plain_weights(torch.bfloat16).items():
        if weight.ndim < 2 or not re.search(r"experts|_proj", key):
            tensors[key] = weight
            continue
        blocks = weight.float().reshape(weight.shape[0] // 32, 32, weight.shape[1] // 32, 32)
        scale = torch.exp2(torch.ceil(torch.log2(blocks.abs().amax((1, 3)) / 448)))
        wide = scale[:, None, :, None]
        codes = (blocks / wide).to(torch.float8_e4m3fn)
        tensors[key] = codes.reshape(weight.shape)
        tensors[f"{key}_scale_inv"] = scale.to(torch.float8_e8m0fnu)
        decoded[key] = (codes.float() * wide).reshape(weight.shape).to(torch.bfloat16)
    config = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [32, 32], "scale_fmt": "ue8m0"}
    write(name, tensors, decoded, config, torch.bfloat16)


def model_opt(name):
    """The NVFP4 of ModelOpt: codes and scales as those of compressed-tensors, the global scale the other way round."""
    scheme = QuantizationScheme(
        targets=["Linear"],
        format="nvfp4-pack-quantized",
        weights=QuantizationArgs(num_bits=4, type="float", strategy="tensor_group", group_size=16, scale_dtype="torch.float8_e4m3fn", zp_dtype="torch.float8_e4m3fn"),
    )
    tensors, decoded = {}, {}
    for seed, (key, weight) in enumerate(plain_weights(torch.bfloat16).items()):
        if ".experts." not in key:
            tensors[key] = weight
            continue
        stored, _ = compress(weight, scheme, seed)
        module = key.removesuffix(".weight")
        by = 1 / stored["weight_global_scale"][0]
        tensors[key] = stored["weight_packed"]
        tensors[f"{module}.weight_scale"] = stored["weight_scale"]
        tensors[f"{module}.weight_scale_2"] = by
        tensors[f"{module}.input_scale"] = torch.tensor(0.5)
        from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8

        codes = unpack_fp4_from_uint8(stored["weight_packed"], *weight.shape, torch.float32)
        scale = (stored["weight_scale"].float() * by).repeat_interleave(16, 1)
        decoded[key] = (codes * scale).to(torch.bfloat16)
    config = {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"], "producer": {"name": "modelopt"}}
    write(name, tensors, decoded, config, torch.bfloat16)


one("int4_group", "pack-quantized", INT4)
one("int4_asymmetric", "pack-quantized", {**INT4, "symmetric": False})
one("int4_ordered", "pack-quantized", {**INT4, "actorder": "group"})
one("int8_channel", "pack-quantized", dict(num_bits=8, type="int", strategy="channel"))
one("int8_naive", "int-quantized", dict(num_bits=8, type="int", strategy="channel", symmetric=False), inputs=QuantizationArgs(num_bits=8, strategy="token", dynamic=True))
one("fp8_channel", "float-quantized", dict(num_bits=8, type="float", strategy="channel"), inputs=DYNAMIC)
one("fp8_tensor", "float-quantized", dict(num_bits=8, type="float", strategy="tensor"), inputs=QuantizationArgs(num_bits=8, type="float", strategy="tensor"))
one("nvfp4", "nvfp4-pack-quantized", dict(num_bits=4, type="float", strategy="tensor_group", group_size=16, scale_dtype="torch.float8_e4m3fn", zp_dtype="torch.float8_e4m3fn"))
one("mxfp4_pairs", "mxfp4-pack-quantized", dict(num_bits=4, type="float", strategy="group", group_size=32, scale_dtype="torch.uint8", zp_dtype="torch.uint8"))
compressed_tensors(
    "mixed",
    [([EXPERTS], INT4, "pack-quantized"), ([r"re:.*self_attn\.[qkvo]_proj"], dict(num_bits=8, type="float", strategy="block", block_structure=[32, 32]), "float-quantized")],
    "mixed-precision",
    ignore=["lm_head", "model.layers.0.mlp.gate"],
)
squares_e8m0("fp8_e8m0")
model_opt("modelopt_nvfp4")
input_major("awq", {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "version": "gemm"}, awq)
input_major("gptq_ordered", gptq_config(4, 32, True, True), gptq(4, 32, True, True))
input_major("gptq_8_bits", gptq_config(8, -1, False, False, checkpoint_format="gptq"), gptq(8, -1, False, False))

with open(f"{FIXTURES}/golden.json", "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
