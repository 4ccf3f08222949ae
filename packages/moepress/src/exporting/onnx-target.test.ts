import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoModelForCausalLM, Tensor } from '@huggingface/transformers';
import { ModelRunner } from '@moepress/runtime';
import { afterAll, expect, it } from 'vitest';
import { compress } from '../compress.js';
import { exportModel } from '../export-model.js';
import { openModel } from '../models/open-model.js';
import { applyPlan } from '../plans/plan-file.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = await openModel('tiny');
const plan = await compress(model, { method: 'random', ratio: 0.5, cache: false });
const prompt = [31, 41, 59, 26, 53, 58, 97, 93];
const options = { to: 'onnx', plan };

it('is loaded by transformers.js, which computes and generates what the view does', async () => {
  const { out, writtenBytes } = await exportModel(model, join(folder, 'view'), options);
  expect(writtenBytes).toBeGreaterThan(2 ** 20);
  const runner = await ModelRunner.open(await applyPlan(model, plan), { workers: 1, threads: 1 });
  const [trace] = await runner.trace([prompt]);
  const [greedy] = await runner.generate([prompt], { maxNewTokens: 8, eosTokenIds: [] });
  await runner.dispose();

  const theirs = await AutoModelForCausalLM.from_pretrained(out, { local_files_only: true });
  const rows = (values: readonly number[]) =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  const inputs = { input_ids: rows(prompt), attention_mask: rows(prompt.map(() => 1)) };
  const { logits } = await theirs(inputs);
  const own = trace!.logits.data as Float32Array;
  const difference = own.reduce((most, x, i) => Math.max(most, Math.abs(x - logits.data[i])), 0);
  expect(difference).toBeLessThan(1e-4);
  const settings = { max_new_tokens: 8, min_new_tokens: 8, do_sample: false };
  const all = (await theirs.generate({ ...inputs, ...settings } as never)) as Tensor;
  expect([...all.data].slice(prompt.length).map(Number)).toEqual(greedy);
  await theirs.dispose();
});

it('replaces an export of its own when asked, and nothing else', async () => {
  const again = { ...options, type: 'q4' };
  const out = join(folder, 'again');
  await exportModel(model, out, again);
  await expect(exportModel(model, out, again)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
  await exportModel(model, out, { ...again, force: true });
  const foreign = join(folder, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'config.json'), '{"model_type": "llama"}');
  const refused = exportModel(model, foreign, { ...again, force: true });
  await expect(refused).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
  expect(readdirSync(foreign)).toEqual(['config.json']);
});

it('leaves nothing when it is stopped while it writes', async () => {
  const controller = new AbortController();
  const onProgress = ({ type }: { readonly type: string }) => {
    if (type === 'advance') controller.abort();
  };
  const stopped = exportModel(model, join(folder, 'stopped'), {
    ...options,
    signal: controller.signal,
    onProgress,
  });
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
  expect(readdirSync(folder).filter((name) => name.includes('stopped'))).toEqual([]);
});
