"""Makes fixtures/gguf/quantised.safetensors: values, and what ggml's reference quantisers make of them.

    python scripts/make_gguf_fixtures.py <libggml-base.so>

f16, bf16, q8_0, q4_0, q5_0 and mxfp4 come from the Python package gguf, the others from quantize_row_*_ref of the library.
"""

import ctypes
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

FROM_PACKAGE = ["F16", "BF16", "Q8_0", "Q4_0", "Q5_0", "MXFP4"]
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
    path = Path(__file__).parent.parent / "fixtures/gguf/quantised.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
