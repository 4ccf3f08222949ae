import { cpSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exprEntry, openModel, readSafetensors, writeSafetensors } from '@moepress/checkpoint';
import { type BlockScaledExpr, blockTensors, type Model, storedIn } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { ModelRunner } from './runner.js';
import { inTemporaryFolder } from './testing/temporary.js';

const folder = (name: string) => fileURLToPath(new URL(`../../checkpoint/fixtures/${name}`, import.meta.url));
const sequences = [
  [3, 141, 59, 265, 358, 97, 93, 238, 46, 264],
  [3, 383, 279, 50, 288],
];

const isBlockScaled = (value: object): value is BlockScaledExpr =>
  'kind' in value && value.kind === 'block-scaled';

/** Plain data with everything block-scaled in it replaced. */
function replaced(value: unknown, replace: (expr: BlockScaledExpr) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => replaced(item, replace));
  if (isBlockScaled(value)) return replace(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, replace)]));
}

/** The model with its block-scaled matrices written out in BF16. */
async function writtenOut(model: Model, file: string): Promise<Model> {
  const found = new Map<string, BlockScaledExpr>();
  replaced(model.blocks, (expr) => found.set(expr.name, expr));
  expect(found.size).toBeGreaterThan(4);
  await writeSafetensors(
    file,
    [...found].map(([name, expr]) => exprEntry(name, expr)),
  );
  const { tensors } = await readSafetensors(file);
  const blocks = replaced(model.blocks, ({ name }) => tensors.get(name)) as Model['blocks'];
  return { ...model, blocks };
}

async function logitsAndTokens(model: Model, residency: 'streamed' | 'resident') {
  const runner = await ModelRunner.open(model, { residency });
  try {
    const traces = await runner.trace(sequences);
    const tokens = await runner.generate(sequences, { maxNewTokens: 4, eosTokenIds: [] });
    return { logits: traces.map(({ logits }) => logits.data), tokens };
  } finally {
    await runner.dispose();
  }
}

describe.each(['gpt_oss_mxfp4', 'deepseek_v3_fp8'])('%s', (name) => {
  it.each(['streamed', 'resident'] as const)('%s: computes what its matrices mean, to the bit', (residency) =>
    inTemporaryFolder(async (temporary) => {
      const model = await openModel(folder(name));
      const plain = await writtenOut(model, join(temporary, 'plain.safetensors'));
      expect(await logitsAndTokens(model, residency)).toEqual(await logitsAndTokens(plain, residency));
    }),
  );
});

it('an 8-bit float that is no number is found and named', () =>
  inTemporaryFolder(async (temporary) => {
    cpSync(folder('deepseek_v3_fp8'), temporary, { recursive: true });
    const model = await openModel(temporary);
    const damaged = blockTensors(model.blocks[0]!).find(isBlockScaled)!;
    const [stored] = storedIn(damaged);
    writeSync(openSync(stored!.file, 'r+'), Buffer.from([0x7f]), 0, 1, stored!.offset);
    const runner = await ModelRunner.open(model);
    try {
      await expect(runner.trace(sequences)).rejects.toMatchObject({
        code: 'WEIGHTS_NOT_FINITE',
        message: expect.stringContaining(stored!.name),
        where: stored!.file,
      });
    } finally {
      await runner.dispose();
    }
  }));

it('scores a quantised model as transformers scores what its own code makes of it', async () => {
  const { ids, logits } = JSON.parse(readFileSync(folder('quantised/golden.json'), 'utf8')).mixed;
  const runner = await ModelRunner.open(await openModel(folder('quantised/mixed')));
  try {
    const [trace] = await runner.trace([ids]);
    const last = [...trace!.logits.data].slice(-logits.length);
    for (const [i, value] of last.entries()) expect(value).toBeCloseTo(logits[i], 3);
  } finally {
    await runner.dispose();
  }
});
