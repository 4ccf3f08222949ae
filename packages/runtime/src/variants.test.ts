import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeFloat32, openModel, readSafetensors } from '@moepress/checkpoint';
import { MoepressError, type ProgressEvent, type StoredTensor } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { ModelRunner } from './runner.js';
import { expectFew } from './testing/few.test.util.js';
import { maxDifference } from './testing/golden.js';

/** Checkpoints whose config.json says one thing in another way, with what transformers makes of them. */
const fixtures = fileURLToPath(new URL('../fixtures/variants', import.meta.url));
const shared = process.env.MOEPRESS_SHARED;
/** Families that have no larger reference here. */
const families = fileURLToPath(new URL('../../checkpoint/fixtures', import.meta.url));
const folders = [fixtures, families, ...(shared ? [`${shared}/golden/variants`] : [])];

interface Sequence {
  readonly ids: number[];
  /** [n - first, V] */
  readonly logits: Float32Array;
  readonly greedy: number[] | null;
}

const variants = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => existsSync(`${folder}/${name}/golden.safetensors`))
    .map((name) => ({ name, folder: `${folder}/${name}` })),
);

/** Refused rather than computed as in transformers, which does not look at the key. */
const refused = /^deepseek_v[23]-(sigmoid-key|softmax-key|method-greedy)/;
/** Read as transformers does, which other programs do not. */
const warned = /norm-on|moe-layer-freq-2|limit-[^7b]|rope-both-added|rope-partial-default/;

async function sequencesOf(folder: string): Promise<Sequence[]> {
  const { tensors } = await readSafetensors(`${folder}/golden.safetensors`);
  const ints = (name: string) => {
    const tensor = tensors.get(name);
    return tensor ? [...integers(tensor)] : null;
  };
  return Promise.all(
    [0, 1].map(async (i) => ({
      ids: ints(`s${i}.input_ids`)!,
      logits: await decodeFloat32(tensors.get(`s${i}.logits`)!),
      greedy: ints(`s${i}.greedy`),
    })),
  );
}

function integers({ file, offset, length }: StoredTensor): Int32Array {
  return new Int32Array(new Uint8Array(readFileSync(file).subarray(offset, offset + length)).buffer);
}

describe.each(variants)('$name', ({ name, folder }) => {
  if (refused.test(name)) {
    it('is refused with the reason', async () => {
      const error = await openModel(folder).catch((cause: unknown) => cause);
      expect(MoepressError.isInstance(error) && error.code).toBe('CONFIG_UNSUPPORTED');
    });
    return;
  }

  it('has the logits of transformers, and its greedy tokens', async () => {
    const events: ProgressEvent[] = [];
    const model = await openModel(folder, { progress: (event) => events.push(event) });
    const told = events.filter(({ type }) => type === 'warning').length > 0;
    if (warned.test(name) && !name.startsWith('deepseek-')) expect(told).toBe(true);
    const runner = await ModelRunner.open(model, { workers: 1, threads: 1 });
    try {
      const sequences = await sequencesOf(folder);
      const traces = await runner.trace(sequences.map(({ ids }) => ids));
      for (const [i, { data }] of traces.map(({ logits }) => logits).entries()) {
        const expected = sequences[i]!.logits;
        const found = (data as Float32Array).subarray(data.length - expected.length);
        expect(maxDifference(found, expected)).toBeLessThan(2e-4);
      }
      const continued = sequences.map((own, i) => ({
        ...own,
        logits: traces[i]!.logits.data as Float32Array,
      }));
      // Sums of fp32 in another order, over texts of up to some hundred tokens.
      if (folder.startsWith(fixtures)) await expectFew(model, continued.slice(0, 1), 3e-5);
      const { ids, greedy } = sequences[0]!;
      if (!greedy) return;
      const options = { maxNewTokens: greedy.length, eosTokenIds: [] };
      expect(await runner.generate([ids], options)).toEqual([greedy]);
    } finally {
      await runner.dispose();
    }
  });
});
