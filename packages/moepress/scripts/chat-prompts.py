"""Writes fixtures/chat-prompts.json: the prompts that lm-evaluation-harness 0.4.13 makes of invented questions with an
invented chat template, as text and as token ids. Not part of the test suite: needs Python.

    pip install lm_eval==0.4.13 transformers jinja2
    python packages/moepress/scripts/chat-prompts.py packages/tiny/model packages/moepress/fixtures/chat-prompts.json
"""

import json
import logging
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
logging.disable(logging.WARNING)

from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from transformers import AutoTokenizer

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' and strict is defined %}{{ raise_exception('No system here.') }}{% endif %}"
    "[{{ m.role }}] {{ m.content if spacing is defined else m.content | trim }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] "
    "{% if enable_thinking is defined and not enable_thinking %}(no thought)\n{% endif %}{% endif %}"
)

WORDS = ["red", "green", "blue", "grey", "white", "black"]
ROWS = [
    {
        "question": f"What colour is the {WORDS[i % 6]} {thing}?",
        "choices": [WORDS[i % 6], WORDS[(i + 1) % 6], f" {WORDS[(i + 2) % 6]} "],
        "gold": i % 3,
        "answer": f"The {thing} is {WORDS[i % 6]}.",
        "before": [f"The {thing} saw Ann", f"The {thing} saw Bob"],
        "after": f"and it was {WORDS[i % 6]}.",
    }
    for i, thing in enumerate(["cat", "dog", "owl", "fox", "bee", "ant", "hen", "cow"])
]
SPLITS = {"train": ROWS[3:], "test": ROWS[:2]}

COMMON = {
    "dataset_path": "json",
    "training_split": "train",
    "fewshot_split": "train",
    "test_split": "test",
    "metadata": {"version": 1},
}
ASKED = {"doc_to_text": "Question: {{question}}\nAnswer:"}
CHOICES = {"output_type": "multiple_choice", "doc_to_target": "gold", "doc_to_choice": "choices"}
GENERATION = {
    "output_type": "generate_until",
    "doc_to_target": "{{answer}}",
    "generation_kwargs": {"until": ["\n"], "do_sample": False},
}
TASKS = {
    "choices": {**ASKED, **CHOICES, "description": "Colours of animals.\n\n"},
    "begun_choices": {**ASKED, **CHOICES, "gen_prefix": "It is"},
    "spaced_choices": {**ASKED, **CHOICES, "gen_prefix": "It is ", "target_delimiter": "-"},
    "contexts": {
        "output_type": "multiple_choice",
        "doc_to_text": "gold",
        "doc_to_target": "after",
        "doc_to_choice": "before",
    },
    "generation": {**ASKED, **GENERATION},
    "begun_generation": {**ASKED, **GENERATION, "gen_prefix": "{{question}} ", "description": "Be short."},
}
SETTINGS = [
    {"shots": 0, "multi": True, "system": None, "template_args": {}},
    {"shots": 2, "multi": True, "system": "You know animals.", "template_args": {"enable_thinking": False}},
    {"shots": 2, "multi": False, "system": "You know animals.", "template_args": {"spacing": True}},
    {"shots": 1, "multi": False, "system": "You know animals.", "template_args": {"strict": True}},
    {"shots": 1, "multi": None, "system": "You know animals.", "template_args": {}},
]


def tokenizer_of(folder, work):
    """The tokenizer, with a BOS that it puts before every text."""
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf8") as file:
        tokenizer = json.load(file)
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "chat_template": TEMPLATE,
    }
    for name, value in {"tokenizer.json": tokenizer, "tokenizer_config.json": config}.items():
        with open(os.path.join(work, name), "w", encoding="utf8") as file:
            json.dump(value, file)
    return AutoTokenizer.from_pretrained(work), tokenizer["post_processor"]


def requests_of(name, setting, lm, files):
    task = ConfigurableTask(config={**COMMON, **TASKS[name], "task": name, "dataset_kwargs": {"data_files": files}})
    task.set_config("num_fewshot", setting["shots"])
    task.set_fewshot_seed(1234)
    lm.chat_template_args = setting["template_args"]
    has_chat = setting["multi"] is not None
    task.build_all_requests(
        system_instruction=setting["system"],
        apply_chat_template=has_chat,
        fewshot_as_multiturn=bool(setting["multi"]),
        chat_template=lm.apply_chat_template if has_chat else None,
    )
    for instance in task.instances:
        context, second = instance.args
        if instance.request_type == "generate_until":
            yield {"context": context, "ids": lm.tok_encode(context)}
        else:
            before, after = lm._encode_pair(context, second)
            yield {"context": context, "continuation": second, "ids": before + after, "from": len(before)}


def main(folder, out):
    with tempfile.TemporaryDirectory() as work:
        tokenizer, post_processor = tokenizer_of(folder, work)
        files = {}
        for split, rows in SPLITS.items():
            files[split] = os.path.join(work, f"{split}.jsonl")
            with open(files[split], "w", encoding="utf8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        lm = HFLM.__new__(HFLM)
        lm.tokenizer, lm.backend, lm.add_bos_token, lm.custom_prefix_token_id = tokenizer, "causal", None, None
        cases = [
            {"task": name, **setting, "requests": list(requests_of(name, setting, lm, files))}
            for setting in SETTINGS
            for name in TASKS
        ]
    result = {"template": TEMPLATE, "post_processor": post_processor, "splits": SPLITS, "cases": cases}
    with open(out, "w", encoding="utf8") as file:
        file.write(json.dumps(result, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
