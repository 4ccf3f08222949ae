import { existsSync } from 'node:fs';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, encodeChannels, type LayerOp, type Model, measure, moeBlocks } from '@moepress/core';
import { toyPlan } from '@moepress/core/testing';
import { writeHuggingFace } from '@moepress/export';
import { gigabytes } from '../flops.js';
import { compareSpeed } from '../speed.js';

/**
 * Half of the channels of the routed experts gone: the same half from each (E), or experts from width 0
 * to whole (G). Written, opened again and compared with the original, all in turns.
 */
export async function widthsSuite(directory: string): Promise<void> {
  const base = await openModel(directory);
  const models = {
    original: base,
    E: await narrowed(base, `${directory}-E`, (width) => width / 2),
    G: await narrowed(base, `${directory}-G`, (width, share) => Math.round(width * share)),
  };
  console.log(`half of the channels, ${base.blocks.length} layers`);
  for (const [name, model] of Object.entries(models)) {
    console.log(`  ${name}: routed experts ${gigabytes(measure(model).routedExperts.bytes)}`);
  }
  await compareSpeed(models);
}

/** The checkpoint whose experts keep `width` channels, given their own width and how far along the layer they come. */
async function narrowed(
  base: Model,
  out: string,
  width: (own: number, share: number) => number,
): Promise<Model> {
  if (!existsSync(out)) {
    const layers = moeBlocks(base).map(({ index, ffn }) => {
      const channels = ffn.pool.map((expert, e) => {
        const kept = width(expert.width, e / (ffn.pool.length - 1));
        return encodeChannels([...Array(kept).keys()], expert.width);
      });
      const op: LayerOp = { op: 'keep-channels', channels };
      return { layer: index, ops: [op] };
    });
    const view = applyPlan(base, toyPlan(base, layers));
    await writeHuggingFace(view, out, { layout: 'compact' });
  }
  return openModel(out);
}
