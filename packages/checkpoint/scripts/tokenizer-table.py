"""
Makes fixtures/tokenizers/table.json: what AutoTokenizer of transformers makes of one tokenizer.json and many forms of
the files beside it.

Run from the root of the repository with a Python that has transformers:
python packages/checkpoint/scripts/tokenizer-table.py
"""
import json
import os
import tempfile

from transformers import AutoTokenizer

OUT = "packages/checkpoint/fixtures/tokenizers/table.json"


def token(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **flags}


def bytes_to_unicode():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


ALPHABET = [c for _, c in sorted(bytes_to_unicode().items())]
VOCAB = {c: i + 2 for i, c in enumerate(ALPHABET)}
MERGES = ["a t", "c at", "Ġ cat", "i m", "l o", "lo w"]
for merge in MERGES:
    VOCAB.setdefault(merge.replace(" ", ""), len(VOCAB) + 2)
VOCAB = {"<|endoftext|>": 0, "<s>": 1, **VOCAB}

BYTES = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [{"id": 0, **token("<|endoftext|>")}],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": VOCAB, "merges": MERGES},
}

# The same as SentencePiece has it: spaces are shown as underscores, and prepended by the normalizer as in Llama 2.
PIECES = {piece: i for i, piece in enumerate(["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "\u2581", *map(chr, range(33, 127))])}
PIECE_MERGES = ["\u2581 \u2581", "c a", "ca t", "\u2581 cat", "l o", "lo w", "\u2581 low", "o n", "on e", "\u2581 one", "\u2581\u2581 one"]
for merge in PIECE_MERGES:
    PIECES.setdefault(merge.replace(" ", ""), len(PIECES))
UNDERSCORES = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [{"id": i, **token(piece)} for i, piece in enumerate(["<unk>", "<s>", "</s>"])],
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
    "pre_tokenizer": None,
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    },
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "vocab": PIECES, "merges": PIECE_MERGES},
}
# As BYTES, with words and characters as neither Qwen nor GPT-NeoX has them.
OTHER_BYTES = {
    **BYTES,
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": False},
    "post_processor": UNDERSCORES["post_processor"],
}
TOKENIZERS = {"bytes": BYTES, "other bytes": OTHER_BYTES, "underscores": UNDERSCORES}

TEXTS = [
    "cat cat",
    "<|endoftext|>hi<|im_start|> user\n cat<|im_end|>  low",
    "<s>a</s> <unk>[PAD] <tool>cat</tool>",
    "lowcat low cat_low low, 1low low1 \u00e9low low\u00e9 low",
    " <|im_start|>  <|im_end|> x<|im_start|>y",
    "  cat   cat\n\n low's 12345",
    " one cafe\u0301 \u212b",
    "",
]

# Roles that CodeLlama has for text that is filled in, which no chat template writes.
INFILLING = ["prefix_token", "middle_token", "suffix_token", "eot_token", "fill_token"]

FAST = {"tokenizer_class": "PreTrainedTokenizerFast"}
CASES = [
    ("nothing beside it", {}),
    ("an end in tokenizer_config.json", {"config": {**FAST, "eos_token": "<|endoftext|>"}}),
    ("an end in special_tokens_map.json", {"config": FAST, "map": {"eos_token": "<|endoftext|>"}}),
    ("the map over the config", {"config": {**FAST, "eos_token": "<s>", "bos_token": "<s>"}, "map": {"eos_token": token("<|endoftext|>")}}),
    ("a map of an object", {"map": {"bos_token": {"content": "<|im_start|>", "lstrip": True, "normalized": False, "rstrip": True, "single_word": False}}}),
    ("a decoder, which silences the map", {"config": {**FAST, "added_tokens_decoder": {"0": token("<|endoftext|>")}}, "map": {"eos_token": "<|endoftext|>"}}),
    ("chat tokens in the decoder alone", {"config": {**FAST, "eos_token": "<|im_end|>", "added_tokens_decoder": {"0": token("<|endoftext|>"), "264": token("<|im_start|>"), "265": token("<|im_end|>")}}}),
    ("a decoder out of order", {"config": {**FAST, "added_tokens_decoder": {"300": token("<|im_end|>"), "264": token("<|im_start|>")}}}),
    ("a decoder with other flags", {"config": {**FAST, "added_tokens_decoder": {"0": token("<|endoftext|>", rstrip=True), "264": token("<|im_start|>", lstrip=True, rstrip=True)}}}),
    ("a decoder of plain tokens", {"config": {**FAST, "added_tokens_decoder": {"264": token("<tool>", special=False), "265": token("</tool>", special=False, normalized=True)}}}),
    ("a token of the vocabulary in the decoder", {"config": {**FAST, "added_tokens_decoder": {"1": token("<s>")}}}),
    ("whole words", {"config": {**FAST, "added_tokens_decoder": {"264": token("low", single_word=True, special=False)}}}),
    ("whole words after normalising", {"config": {**FAST, "added_tokens_decoder": {"264": token("low", single_word=True, special=False, normalized=True)}}}),
    ("words anywhere", {"config": {**FAST, "added_tokens_decoder": {"264": token("low", special=False)}}}),
    ("added_tokens.json", {"config": FAST, "added": {"<|im_start|>": 264, "<|im_end|>": 265}}),
    ("added_tokens.json in another order", {"config": FAST, "added": {"<|im_end|>": 265, "<|im_start|>": 264}, "map": {"eos_token": "<|im_end|>"}}),
    ("additional special tokens", {"config": {**FAST, "additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}}),
    ("additional special tokens of the map", {"config": FAST, "map": {"additional_special_tokens": ["<|im_start|>", "<tool>"]}}),
    ("extra special tokens by name", {"config": {**FAST, "extra_special_tokens": {"tool_token": "<tool>", "end_tool_token": "</tool>"}}}),
    ("a role of its own", {"config": {**FAST, "tool_token": "<tool>"}}),
    ("roles that are in no vocabulary", {"config": {**FAST, "unk_token": "<unk>", "pad_token": "[PAD]", "eos_token": "</s>", "bos_token": "<s>"}}),
    ("null for none", {"config": {**FAST, "eos_token": None, "bos_token": None}}),
    ("no class of OLMoE", {"model": {"model_type": "olmoe"}}),
    ("a class of Qwen2-MoE", {"model": {"model_type": "qwen2_moe"}, "config": {"tokenizer_class": "Qwen2Tokenizer"}}),
    ("no class of Qwen3", {"model": {"model_type": "qwen3"}}),
    ("another end of Qwen3", {"model": {"model_type": "qwen3"}, "config": {"eos_token": "<|im_end|>"}}),
    ("GPT-NeoX in OLMoE", {"model": {"model_type": "olmoe"}, "config": {"tokenizer_class": "GPTNeoXTokenizerFast", "eos_token": "<s>"}}),
    ("the generic class in OLMoE", {"model": {"model_type": "olmoe"}, "config": FAST}),
    ("a wrong class of Mixtral", {"model": {"model_type": "mixtral"}, "config": {"tokenizer_class": "LlamaTokenizer"}}),
    ("no class of Mixtral", {"model": {"model_type": "mixtral"}}),
    ("a wrong class of DeepSeek-V3", {"model": {"model_type": "deepseek_v3"}, "config": {"tokenizer_class": "LlamaTokenizerFast"}}),
    ("a BOS that the config asks for", {"config": {**FAST, "bos_token": "<s>", "add_bos_token": True}}),
    *(
        (f"words of the class {name} in {family}", {"tokenizer": "other bytes", "model": {"model_type": family}, "config": {"tokenizer_class": name}})
        for family, name in [
            ("llama", "PreTrainedTokenizerFast"),
            ("llama", "Qwen2Tokenizer"),
            ("llama", "GPT2Tokenizer"),
            ("llama", "GPTNeoXTokenizerFast"),
            ("olmoe", "GPTNeoXTokenizer"),
            ("qwen2", "LlamaTokenizerFast"),
            ("qwen3_moe", "Qwen2TokenizerFast"),
            ("qwen2_moe", "PreTrainedTokenizerFast"),
            ("mixtral", "Qwen2Tokenizer"),
        ]
    ),
    ("words of OLMoE's own class", {"tokenizer": "other bytes", "model": {"model_type": "olmoe"}}),
    ("words of Qwen's own class", {"tokenizer": "other bytes", "model": {"model_type": "qwen2_moe"}}),
    ("prefixed words of Qwen's own class", {"tokenizer": "other bytes", "model": {"model_type": "qwen2_moe"}, "config": {"add_prefix_space": True}}),
    *(
        (f"pieces of {name} {more}", {"tokenizer": "underscores", "model": {"model_type": family}, "config": {"tokenizer_class": name, **more}})
        for family, name, more in [
            ("llama", "LlamaTokenizer", {}),
            ("llama", "LlamaTokenizerFast", {"legacy": True}),
            ("llama", "LlamaTokenizer", {"legacy": False}),
            ("llama", "LlamaTokenizer", {"legacy": None}),
            ("llama", "LlamaTokenizer", {"add_prefix_space": False}),
            ("llama", "LlamaTokenizer", {"add_prefix_space": None, "legacy": True}),
            ("llama", "CodeLlamaTokenizer", {}),
            ("llama", "PreTrainedTokenizerFast", {}),
            ("mistral", "LlamaTokenizer", {"legacy": False}),
            ("mixtral", "LlamaTokenizerFast", {}),
        ]
    ),
]


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        def write(name, value):
            if value is not None:
                json.dump(value, open(os.path.join(folder, name), "w"))

        write("tokenizer.json", TOKENIZERS[files.get("tokenizer", "bytes")])
        write("config.json", files.get("model", {"model_type": "llama"}))
        write("tokenizer_config.json", files.get("config"))
        write("special_tokens_map.json", files.get("map"))
        write("added_tokens.json", files.get("added"))
        made = AutoTokenizer.from_pretrained(folder)
        return {
            "class": type(made).__name__,
            "bos": made.bos_token_id,
            "eos": made.eos_token_id,
            "named": {k: str(v) for k, v in made.special_tokens_map.items() if not isinstance(v, list) and k not in INFILLING},
            "ids": [made(text)["input_ids"] for text in TEXTS],
            "decoded": [made.decode(made(text)["input_ids"], skip_special_tokens=True) for text in TEXTS],
        }


rows = [{"what": what, "files": files, "expected": run(files)} for what, files in CASES]
os.makedirs(os.path.dirname(OUT), exist_ok=True)
with open(OUT, "w") as out:
    head = json.dumps({"tokenizers": TOKENIZERS, "texts": TEXTS}, ensure_ascii=False)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    out.write(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n')
for row in rows:
    print(row["what"], row["expected"]["class"], row["expected"]["bos"], row["expected"]["eos"], row["expected"]["named"])
