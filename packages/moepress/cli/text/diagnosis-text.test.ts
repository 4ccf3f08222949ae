import type { Diagnosis } from '@moepress/checkpoint';
import { expect, test } from 'vitest';
import { renderDiagnosis } from './diagnosis-text.js';

const diagnosis: Diagnosis = {
  modelType: 'jamba',
  config: { num_experts_per_tok: 2 },
  tensors: [
    { pattern: 'lm_head.weight', count: 1, shape: [512, 64], dtype: 'BF16' },
    { pattern: 'model.layers.*.mamba.A_log', count: 4, shape: [128, 16], dtype: 'F32' },
  ],
  nearest: {
    modelType: 'qwen3_moe',
    title: 'Qwen3-MoE',
    shared: 1,
    unknown: ['model.layers.*.mamba.A_log'],
    missing: ['model.layers.*.mlp.gate.weight'],
    obstacle: '"num_experts" is missing.',
  },
};

test('a diagnosis names what was found, what is missing and what it takes', () => {
  expect(renderDiagnosis(diagnosis)).toBe(
    `
"jamba" is a family without a manifest. It is most like Qwen3-MoE (qwen3_moe): 1 of its 2 kinds of tensors have the same names.

config.json says:
  num_experts_per_tok = 2

Read as Qwen3-MoE, config.json fails: "num_experts" is missing.

Tensors that Qwen3-MoE does not have:
name                        count  shape     type
--------------------------  -----  --------  ----
model.layers.*.mamba.A_log      4  128 x 16  F32

Tensors that Qwen3-MoE has and this has not:
  model.layers.*.mlp.gate.weight

What is needed: a manifest, beginning with that of qwen3_moe. Where these names stand for other mathematics and not for other words, also: router, attention in packages/runtime. See docs/architectures.md.
`.trim(),
  );
});

test('a family under another name needs a manifest only', () => {
  const nearest = { ...diagnosis.nearest, unknown: [], missing: [], obstacle: null };
  const text = renderDiagnosis({ ...diagnosis, nearest });
  expect(text).toContain('a manifest like that of qwen3_moe, if the mathematics is that of Qwen3-MoE too');
  expect(text).not.toContain('packages/runtime');
});
