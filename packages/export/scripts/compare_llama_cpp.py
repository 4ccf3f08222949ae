"""Compares GGUF files with the checkpoints that they were made from, on llama.cpp itself.

    npm i --ignore-scripts @node-llama-cpp/linux-x64     (in some folder: its library is what is called)
    moepress export <model> --to gguf --type f32 --out <name>.gguf
    python scripts/compare_llama_cpp.py <folder of libllama> <golden folder> <name>.gguf ...
    python scripts/compare_llama_cpp.py <folder of libllama> --text <file> <checkpoint> <name>.gguf

The first form takes folders with <name>/golden.fp32.safetensors: token ids of sequences and the logits that transformers
computed for them. The second has transformers and llama.cpp score the same text and prints both perplexities; `{}` in the name of
the checkpoint stands for that of the file, and a checkpoint without tokenizer reads the bytes of the text as ids, modulo its vocabulary. Every file is
also read by the Python package gguf. Keys and values are cached in fp32. Exits with 1 if logits differ by more than 2e-2 of the largest,
or perplexities by more than 1e-3.
"""

import ctypes
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

INTS = 128


class Opaque(ctypes.Structure):
    """Parameters of which only a few numbers are known: it is larger than the library's own, which lies at its beginning."""

    _fields_ = [("ints", ctypes.c_int32 * INTS)]


class Batch(ctypes.Structure):
    """`llama_batch` of llama.h."""

    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


def one(folder: Path, name: str) -> ctypes.CDLL:
    [path] = sorted(folder.glob(f"{name}*.so"))[:1]
    return ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


class Library:
    """libllama, as node-llama-cpp 3.22 brings it."""

    def __init__(self, folder: Path):
        one(folder, "libggml-base")
        ggml = one(folder, "libggml.")
        llama = one(folder, "libllama.")
        self.llama = llama
        self.messages: list[str] = []
        kind = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
        self.listener = kind(lambda level, text, _: self.messages.append(text.decode(errors="replace")))
        llama.llama_log_set(self.listener, None)
        ggml.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
        ggml.ggml_backend_load_all_from_path(str(folder).encode())
        pointer = ctypes.c_void_p
        for name, result, arguments in [
            ("llama_model_default_params", Opaque, []),
            ("llama_context_default_params", Opaque, []),
            ("llama_model_load_from_file", pointer, [ctypes.c_char_p, Opaque]),
            ("llama_init_from_model", pointer, [pointer, Opaque]),
            ("llama_batch_init", Batch, [ctypes.c_int32] * 3),
            ("llama_decode", ctypes.c_int32, [pointer, Batch]),
            ("llama_get_logits", ctypes.POINTER(ctypes.c_float), [pointer]),
            ("llama_model_get_vocab", pointer, [pointer]),
            ("llama_vocab_n_tokens", ctypes.c_int32, [pointer]),
            ("llama_free", None, [pointer]),
            ("llama_model_free", None, [pointer]),
        ]:
            function = getattr(llama, name)
            function.restype, function.argtypes = result, arguments

    def logits(self, file: Path, sequences: list[list[int]]) -> list[np.ndarray]:
        """[n, vocabulary] for each sequence of n ids."""
        llama = self.llama
        self.messages.clear()
        model = llama.llama_model_load_from_file(str(file).encode(), llama.llama_model_default_params())
        if not model:
            sys.exit(f"{file}: " + "".join(self.messages)[-2000:])
        size = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
        found = [self._of_sequence(model, size, ids) for ids in sequences]
        llama.llama_model_free(model)
        return found

    def _of_sequence(self, model: int, size: int, ids: list[int]) -> np.ndarray:
        llama = self.llama
        parameters = llama.llama_context_default_params()
        # n_ctx, n_batch and n_ubatch; threads; no flash attention; keys and values in fp32.
        for place, value in [(0, 512), (1, 512), (2, 512), (7, 1), (8, 1), (13, 0), (26, 0), (27, 0)]:
            parameters.ints[place] = max(value, len(ids)) if place < 3 else value
        context = llama.llama_init_from_model(model, parameters)
        batch = llama.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = int(token), i, 1, 1
            batch.seq_id[i][0] = 0
        if llama.llama_decode(context, batch) != 0:
            sys.exit("".join(self.messages)[-2000:])
        values = np.ctypeslib.as_array(llama.llama_get_logits(context), (len(ids), size)).copy()
        llama.llama_free(context)
        return values


def likelihood(logits: np.ndarray, ids: list[int]) -> float:
    """Mean negative log-likelihood of each token after those before it."""
    rows = logits[:-1].astype(np.float64)
    return float(np.mean(np.logaddexp.reduce(rows, axis=1) - rows[np.arange(len(rows)), ids[1:]]))


def compare_golden(library: Library, golden: Path, file: Path) -> bool:
    gguf.GGUFReader(file)
    tensors = load_file(golden / file.stem / "golden.fp32.safetensors")
    names = sorted(name.split(".")[0] for name in tensors if name.endswith(".input_ids") and name[0] == "s")
    sequences = [tensors[f"{name}.input_ids"].tolist() for name in names]
    good = True
    for name, ids, found in zip(names, sequences, library.logits(file, sequences)):
        expected = tensors[f"{name}.logits"]
        difference = np.abs(found - expected).max() / np.abs(expected).max()
        ours, theirs = likelihood(found, ids), likelihood(expected, ids)
        changed = int((found.argmax(-1) != expected.argmax(-1)).sum())
        print(f"{file.stem:20} {name}: logits {difference:.1e}, likelihood {ours / theirs - 1:+.1e}, {changed} other tokens")
        good = good and difference < 2e-2
    return good


def compare_text(library: Library, text: str, checkpoint: str, file: Path) -> bool:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    gguf.GGUFReader(file)
    checkpoint = checkpoint.replace("{}", file.stem)
    has_tokenizer = (Path(checkpoint) / "tokenizer.json").exists()
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    size = model.get_input_embeddings().weight.shape[0]
    if has_tokenizer:
        ids = AutoTokenizer.from_pretrained(checkpoint).encode(text)
    else:
        ids = [byte % size for byte in text.encode()]
    sequences = [ids[i : i + 500] for i in range(0, min(len(ids), 4000), 500)]
    with torch.no_grad():
        expected = [model(torch.tensor([own])).logits[0].numpy() for own in sequences]
    found = library.logits(file, sequences)
    both = [np.exp(np.mean([likelihood(x, own) for x, own in zip(each, sequences)])) for each in (found, expected)]
    print(f"{file.stem:20} perplexity {both[0]:.5f}, of transformers {both[1]:.5f}: {both[0] / both[1] - 1:+.1e}")
    return abs(both[0] / both[1] - 1) < 1e-3


def main(folder: str, first: str, *others: str) -> None:
    library = Library(Path(folder))
    if first == "--text":
        path, checkpoint, *files = others
        text = Path(path).read_text()
        good = [compare_text(library, text, checkpoint, Path(file)) for file in files]
    else:
        good = [compare_golden(library, Path(first), Path(file)) for file in others]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
