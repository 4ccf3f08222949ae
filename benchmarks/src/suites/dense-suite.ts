import { existsSync } from 'node:fs';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, type LayerOp, type Model, measure, moeBlocks } from '@moepress/core';
import { toyPlan } from '@moepress/core/testing';
import { writeHuggingFace } from '@moepress/export';
import { gigabytes } from '../flops.js';
import { compareSpeed } from '../speed.js';

/** Layers of the whole DeepSeekMoE-16B that have experts. */
const deepseekLayers = 27;

/**
 * A third of the layers condensed, as in CD-MoE's published runs (8 or 9 of 27 layers: memory 0.73 x, speed 1.34 x
 * for the shared experts alone, 0.72 x and 1.26 x with six routed ones; their GPU, arXiv:2412.00069).
 */
export async function condensedSuite(directory: string): Promise<void> {
  const base = await openModel(directory);
  const layer = moeBlocks(base)[1]!.index;
  const models = {
    original: base,
    S: await written(base, `${directory}-S`, [layer], 0),
    SR: await written(base, `${directory}-SR`, [layer], 6),
  };
  console.log(`one of ${moeBlocks(base).length} MoE layers condensed, deepseek-moe-16b shapes`);
  await compareSpeed(models);
  // Embeddings weigh more in a slice: what the whole model would take.
  const perLayer = (model: Model) => measure(model).total.bytes - measure(base).total.bytes;
  const moe = measure(base).routedExperts.bytes + measure(base).sharedExperts.bytes;
  const whole =
    measure(base).total.bytes + (moe / moeBlocks(base).length) * (deepseekLayers - moeBlocks(base).length);
  for (const [name, count] of [
    ['S', 8],
    ['SR', 9],
  ] as const) {
    const share = (whole + count * perLayer(models[name])) / whole;
    console.log(
      `  ${name} in ${count} of ${deepseekLayers} layers: ${share.toFixed(3)} x of ${gigabytes(whole)}`,
    );
  }
}

/** All layers dense, as wide as a token's experts together. */
export async function denseSuite(directory: string): Promise<void> {
  const base = await openModel(directory);
  const layers = moeBlocks(base).map(({ index }) => index);
  const { topK } = base.config;
  console.log(`a dense student of ${topK} experts a layer, ${layers.length} layers`);
  await compareSpeed({ teacher: base, student: await written(base, `${directory}-dense`, layers, topK) });
}

/** The checkpoint of which some layers keep their first experts, always on. */
async function written(base: Model, out: string, layers: readonly number[], experts: number): Promise<Model> {
  if (!existsSync(out)) {
    const parts = Array.from({ length: experts }, (_, e) => ({ experts: [e], shares: [1], scale: 0.125 }));
    const op: LayerOp = { op: 'condense', parts, shared: null, align: 1 };
    const plan = toyPlan(
      base,
      layers.map((layer) => ({ layer, ops: [op] })),
    );
    await writeHuggingFace(applyPlan(base, plan), out, { layout: 'compact' });
  }
  return openModel(out);
}
