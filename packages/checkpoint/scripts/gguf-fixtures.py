"""Writes fixtures/gguf with the Python package gguf: python gguf-fixtures.py <folder>

metadata.gguf: a value of each type that metadata have, and a tensor each of f32, f16 and q8_0.
blocks.json: random blocks of every type and what they stand for.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

import gguf
import numpy as np

folder = Path(sys.argv[1])
random = np.random.default_rng(0)


def metadata():
    writer = gguf.GGUFWriter(folder / "metadata.gguf", "qwen3moe")
    writer.add_uint32("a.u32", 7)
    writer.add_int8("a.i8", -3)
    writer.add_uint64("a.u64", 2**60)
    writer.add_float32("a.f32", 0.5)
    writer.add_bool("a.bool", True)
    writer.add_string("a.s", "héllo")
    writer.add_array("a.list", ["x", "yy", ""])
    writer.add_array("a.nums", [1, 2, 3])
    writer.add_array("a.nested", [[1, 2], [3]])
    writer.add_float64("a.f64", 0.1)
    writer.add_int64("a.i64", -(2**40))
    writer.add_tensor("f", random.standard_normal((3, 5)).astype(np.float32))
    writer.add_tensor("h", random.standard_normal((2, 3, 4)).astype(np.float16))
    q8_0 = gguf.GGMLQuantizationType.Q8_0
    writer.add_tensor("q", gguf.quants.quantize(random.standard_normal((2, 64)).astype(np.float32), q8_0), raw_dtype=q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


metadata()


def blocks():
    """blocks.json: random blocks of every type, and the SHA-256 of the fp32 that they stand for."""
    entries = {}
    for qtype, traits in gguf.quants._type_traits.items():
        if traits.block_size == 1:
            continue
        found = []
        while len(found) < 6:
            block = random.integers(0, 256, traits.type_size, dtype=np.uint8)
            with np.errstate(all="ignore"):
                values = gguf.dequantize(block.reshape(1, -1), qtype)
            if np.isfinite(values).all() and np.abs(values).max() > 0:
                found.append(block)
        data = np.stack(found)
        values = gguf.dequantize(data, qtype).astype("<f4")
        entries[qtype.name.lower()] = {
            "blocks": base64.b64encode(data.tobytes()).decode(),
            "first": [float(value) for value in values[0, :3]],
            "sha256": hashlib.sha256((values + 0.0).tobytes()).hexdigest(),
        }
    (folder / "blocks.json").write_text(json.dumps(entries, indent=1) + "\n")


blocks()
