"""Makes fixtures/gguf/quantised.safetensors: values, and what ggml's reference quantisers make of them.

    python scripts/make_gguf_fixtures.py <libggml-base.so>

f16, bf16, q8_0, q4_0, q5_0 and mxfp4 come from the Python package gguf, the others from quantize_row_*_ref of the library, and
those with an importance of each of 512 columns (`<type>.weighted`) from its ggml_quantize_chunk.
"""

import ctypes
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

FROM_PACKAGE = ["F16", "BF16", "Q8_0", "Q4_0", "Q5_0", "MXFP4"]
# The numbers of types in ggml.h, and the bytes of 32 values, or of 256.
WEIGHTED = {"q4_0": (2, 32, 18), "q5_0": (6, 32, 22), "q4_k": (12, 256, 144), "q5_k": (13, 256, 176), "q6_k": (14, 256, 210)}
COLUMNS = 512
FROM_LIBRARY = {"q4_K": (256, 144), "q5_K": (256, 176), "q6_K": (256, 210)}


def values() -> np.ndarray:
    """Rows of many kinds: of several sizes, of one sign, with zeros, constant, and of few levels."""
    rng = np.random.default_rng(7)
    sparse = rng.standard_normal((1, 256))
    sparse[:, ::3] = 0
    rows = [
        rng.standard_normal((2, 256)),
        rng.standard_normal((1, 256)) * 0.02,
        rng.standard_t(2, (1, 256)),
        np.abs(rng.standard_normal((1, 256))),
        np.zeros((1, 256)),
        np.full((1, 256), 0.37),
        rng.integers(-8, 8, (1, 256)) * 0.125,
        rng.standard_normal((1, 256)) * 1e-6,
        sparse,
    ]
    return np.concatenate(rows).astype(np.float32)


def importance() -> np.ndarray:
    """Of the columns of a row: many sizes, some of them zero."""
    rng = np.random.default_rng(8)
    found = np.exp(3 * rng.standard_normal(COLUMNS))
    found[40:44] = 0
    return found.astype(np.float32)


def weighted(library: ctypes.CDLL, x: np.ndarray, own: np.ndarray) -> dict[str, np.ndarray]:
    quantise = library.ggml_quantize_chunk
    quantise.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    quantise.restype = ctypes.c_size_t
    found = {}
    for name, (type_number, block, size) in WEIGHTED.items():
        out = np.zeros(x.size // block * size, np.uint8)
        quantise(type_number, x.ctypes.data, out.ctypes.data, 0, x.size // own.size, own.size, own.ctypes.data)
        found[f"{name}.weighted"] = out
    return found


def main(library_path: str) -> None:
    x = values()
    tensors = {"values": x}
    for name in FROM_PACKAGE:
        quantised = gguf.quants.quantize(x, gguf.GGMLQuantizationType[name])
        tensors[name.lower()] = np.frombuffer(quantised.tobytes(), np.uint8).copy()
    library = ctypes.CDLL(library_path)
    for name, (block, size) in FROM_LIBRARY.items():
        quantise = getattr(library, f"quantize_row_{name}_ref")
        quantise.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        quantise.restype = None
        out = np.zeros(x.size // block * size, np.uint8)
        quantise(x.ctypes.data, out.ctypes.data, x.size)
        tensors[name.lower()] = out
    tensors["importance"] = importance()
    tensors |= weighted(library, x, tensors["importance"])
    path = Path(__file__).parent.parent / "fixtures/gguf/quantised.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
