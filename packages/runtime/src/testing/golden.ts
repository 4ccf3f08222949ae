import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeFloat32, readSafetensors } from '@moepress/checkpoint';
import type { StoredTensor } from '@moepress/core';

/** Reference outputs of one checkpoint. */
export interface Golden {
  readonly model: string;
  readonly sequences: readonly number[][];
  readonly nllMean: readonly number[];
  readonly greedy: readonly number[][];
  /** Undefined where the reference does not hold the tensor. */
  floats(name: string): Promise<Float32Array | undefined>;
  ints(name: string): number[] | undefined;
}

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const fixture = (family: string, folder = family) => ({
  name: `${family} (${folder})`,
  load: () =>
    loadGolden({
      model: at(`../../../checkpoint/fixtures/${folder}`),
      tensors: [at(`../../fixtures/${family}.golden.safetensors`)],
      facts: JSON.parse(readFileSync(at(`../../fixtures/${family}.golden.json`), 'utf8')),
    }),
});

/** The references that come with the repository, of models with experts. */
export const fixtures = [
  fixture('olmoe'),
  fixture('qwen2_moe'),
  fixture('qwen3_moe', 'qwen3_moe_sharded'),
  ...['mixtral', 'deepseek', 'deepseek_v2', 'deepseek_v3', 'gpt_oss'].map((family) => fixture(family)),
];

/** Those of dense models: logits alone. */
export const denseFixtures = ['llama', 'mistral', 'qwen2', 'qwen3'].map((family) => fixture(family));

/** The full references: fp32 weights in one file, and bf16 in several; the fixtures have bf16 in one. */
export function fullReferences(shared: string) {
  const families = [
    ...['olmoe', 'qwen2_moe', 'qwen3_moe', 'mixtral'],
    ...['deepseek_v1', 'deepseek_v2', 'deepseek_v3', 'gpt_oss'],
  ];
  const variants = [
    { folder: 'fp32', file: 'golden.fp32', key: 'fp32' },
    { folder: 'bf16_sharded', file: 'golden.bf16w', key: 'bf16w' },
  ];
  return families.flatMap((family) =>
    variants.map(({ folder, file, key }) => ({
      name: `${family} ${folder}`,
      load: () => {
        const root = `${shared}/golden/models/${family}`;
        const facts = JSON.parse(readFileSync(`${root}/golden.json`, 'utf8'))[key];
        return loadGolden({
          model: `${root}/${folder}`,
          tensors: [`${root}/${file}.safetensors`],
          facts: { nllMean: facts.nll_mean, greedy: facts.greedy },
        });
      },
    })),
  );
}

/**
 * References of further families: fp32 weights, and bf16 ones computed with in fp32. Empty where the folder has none.
 */
export function familyReferences(shared: string, families: readonly string[]) {
  const root = `${shared}/golden/families`;
  return families.map((family) => ({
    name: family,
    load: (key: 'fp32' | 'bf16w') => {
      const facts = JSON.parse(readFileSync(`${root}/${family}/golden.json`, 'utf8'))[key];
      return loadGolden({
        model: `${root}/${family}/${key === 'fp32' ? 'fp32' : 'bf16'}`,
        tensors: [`${root}/${family}/golden.${key}.safetensors`],
        facts: { nllMean: facts.nll_mean, greedy: facts.greedy },
      });
    },
  }));
}

async function loadGolden(parts: {
  model: string;
  tensors: readonly string[];
  facts: { nllMean: number[]; greedy: number[][] };
}): Promise<Golden> {
  const tensors = new Map<string, StoredTensor>();
  for (const path of parts.tensors) {
    for (const [name, tensor] of (await readSafetensors(path)).tensors) tensors.set(name, tensor);
  }
  const ints = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) return undefined;
    const bytes = readFileSync(tensor.file).subarray(tensor.offset, tensor.offset + tensor.length);
    return [...new Int32Array(new Uint8Array(bytes).buffer)];
  };
  return {
    model: parts.model,
    sequences: [0, 1, 2, 3].flatMap((i) => {
      const ids = ints(`s${i}.input_ids`);
      return ids ? [ids] : [];
    }),
    nllMean: parts.facts.nllMean,
    greedy: parts.facts.greedy,
    ints,
    floats: async (name) => {
      const tensor = tensors.get(name);
      return tensor && decodeFloat32(tensor);
    },
  };
}

/** The largest difference of two arrays of one length; NaN counts as infinite. */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= most)) most = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return most;
}
