"""Compares checkpoints written by moepress in transformers itself. Not part of the test suite: needs Python.

    pip install torch transformers safetensors
    python packages/export/scripts/check_transformers.py <compact> <materialised>

<compact> is loaded with the modeling file it brings, <materialised> (or masked) with the stock class of its family; the
same view written in both layouts must give equal logits and the same greedy continuation. Then <compact> is saved again by
transformers and must come back unchanged, unless its weights are quantised, which transformers 5.18 cannot save once
it has made plain ones of them. Exits with 1 if anything differs.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM


def load(path, **options):
    model, report = AutoModelForCausalLM.from_pretrained(
        path, dtype=torch.float32, output_loading_info=True, **options
    )
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[problem], f"{path}: {problem}: {sorted(report[problem])[:4]}"
    # Once more, because weights that were stored in MXFP4 come in bfloat16 all the same.
    return model.float().eval()


def main(compact_path, materialised_path):
    compact = load(compact_path, trust_remote_code=True)
    stock = load(materialised_path)
    ids = torch.randint(3, stock.config.vocab_size, (3, 40), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, :7] = 0
    with torch.no_grad():
        expected = stock(ids, attention_mask=mask).logits
        found = compact(ids, attention_mask=mask).logits
        greedy = dict(max_new_tokens=16, do_sample=False, eos_token_id=None, pad_token_id=0)
        same = torch.equal(
            stock.generate(ids[:1], attention_mask=mask[:1], **greedy),
            compact.generate(ids[:1], attention_mask=mask[:1], **greedy),
        )
        again = found
        if "quantization_config" not in json.loads(Path(compact_path, "config.json").read_text()):
            with tempfile.TemporaryDirectory() as folder:
                compact.save_pretrained(folder)
                again = load(folder, trust_remote_code=True)(ids, attention_mask=mask).logits
    count = lambda model: sum(parameter.numel() for parameter in model.parameters())
    difference = (expected - found)[mask.bool()].abs().max().item()
    print(f"{type(compact).__name__}: {count(compact):,} parameters; {type(stock).__name__}: {count(stock):,}")
    print(f"largest difference of logits {difference:.2e}, of {expected.abs().max().item():.2e}")
    print(f"same greedy tokens: {same}; unchanged after save_pretrained: {torch.equal(found, again)}")
    return 0 if difference <= 2e-5 and same and torch.equal(found, again) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
