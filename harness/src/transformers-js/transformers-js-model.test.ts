import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteTokenizer } from '../testing/toy-tokenizers.js';
import { logitsAfter, writeReadyMade } from './ready-made.test.util.js';
import { type LoadedLanguageModel, transformersJsLanguageModel } from './transformers-js-model.js';

const tokenizer = byteTokenizer();
const argMax = (row: readonly number[]) => row.indexOf(Math.max(...row));

function logprob(ids: readonly number[], next: number): number {
  const row = logitsAfter(ids);
  return row[next]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
}

/** Greedy ids after a prompt, up to `count` of them or the end-of-text. */
function continuation(prompt: readonly number[], count: number): number[] {
  const ids = [...prompt];
  while (ids.length < prompt.length + count) {
    ids.push(argMax(logitsAfter(ids)));
    if (ids.at(-1) === 0) break;
  }
  return ids.slice(prompt.length);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-onnx-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a ready-made model', () => {
  let model: LoadedLanguageModel;
  beforeAll(async () => {
    const home = join(folder, 'whole');
    writeReadyMade(home);
    // A checkpoint that would rather not repeat itself is decoded greedily all the same.
    writeFileSync(
      join(home, 'generation_config.json'),
      JSON.stringify({ repetition_penalty: 9, do_sample: true }),
    );
    model = await transformersJsLanguageModel({ model: home, tokenizer });
  });
  afterAll(() => model.dispose());

  it('says how it was set up', () => {
    expect(model.settings).toEqual({
      backend: 'transformers-js',
      dtype: 'fp32',
      revision: null,
      add_bos_token: null,
      max_length: 64,
    });
  });

  it('scores pairs, in whatever lengths they come', async () => {
    const pairs = [
      ['the cat', ' sat'],
      ['a', 'b'],
      ['the dog', ' sat'],
      ['the cow', ' lay'],
      ['', 'alone'],
    ] as const;
    const scores = await model.loglikelihood(
      pairs.map(([context, text]) => ({ context, continuation: text })),
    );
    for (const [i, [context, text]] of pairs.entries()) {
      // Nothing to go by is the end of another text.
      const given = context === '' ? [0] : tokenizer.encode(context);
      const ids = tokenizer.encode(text);
      const all = [...given, ...ids];
      const expected = ids.reduce((sum, id, t) => sum + logprob(all.slice(0, given.length + t), id), 0);
      expect(scores[i]!.logprob).toBeCloseTo(expected, 3);
      const greedy = ids.every((id, t) => argMax(logitsAfter(all.slice(0, given.length + t))) === id);
      expect(scores[i]!.isGreedy).toBe(greedy);
    }
    const likely = continuation(tokenizer.encode('the'), 3);
    const [own] = await model.loglikelihood([
      { context: 'the', continuation: Buffer.from(likely.map((id) => id - 3)).toString('latin1') },
    ]);
    // Only where the likeliest tokens are ASCII is their text one of theirs alone.
    if (likely.every((id) => id >= 3 && id < 131)) expect(own!.isGreedy).toBe(true);
  });

  it('scores texts longer than it reads', async () => {
    const text = 'abcdefgh'.repeat(20);
    const [score] = await model.loglikelihoodRolling([text]);
    expect(score!.tokens).toBe(160);
    expect(score!.logprob).toBeLessThan(0);
  });

  it('generates greedily, with its cache, up to a stop', async () => {
    const prompt = 'what follows';
    const ids = tokenizer.encode(prompt);
    const expected = continuation(ids, 12);
    const text = tokenizer.decode(expected);
    const [whole] = await model.generateUntil([{ context: prompt, until: [], maxGenTokens: 12 }]);
    expect(whole).toBe(text);
    expect(expected.length).toBeGreaterThan(3);
    const stop = tokenizer.decode(expected.slice(2, 3));
    const [cut] = await model.generateUntil([{ context: prompt, until: [stop], maxGenTokens: 12 }]);
    expect(cut).toBe(text.split(stop)[0]);
  });

  it('stops when it is told to', async () => {
    const stopped = { signal: AbortSignal.abort() };
    const asked = [{ context: 'a', until: [], maxGenTokens: 3 }];
    await expect(model.generateUntil(asked, stopped)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(model.loglikelihood([{ context: 'a', continuation: 'b' }], stopped)).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });
});

it('takes the files of the numbers that are asked for', async () => {
  const home = join(folder, 'quantised');
  writeReadyMade(home, 'onnx/model_quantized.onnx');
  const model = await transformersJsLanguageModel({ model: home, tokenizer, dtype: 'q8' });
  const [score] = await model.loglikelihood([{ context: 'a', continuation: 'b' }]);
  expect(score!.logprob).toBeCloseTo(logprob(tokenizer.encode('a'), tokenizer.encode('b')[0]!), 4);
  await model.dispose();
  await expect(transformersJsLanguageModel({ model: home, tokenizer })).rejects.toMatchObject({
    code: 'CHECKPOINT_NOT_FOUND',
    where: home,
    hint: expect.stringContaining('onnx/model.onnx'),
  });
});

it('says that a file is no model', async () => {
  const home = join(folder, 'broken');
  writeReadyMade(home);
  writeFileSync(join(home, 'onnx/model.onnx'), 'no model');
  await expect(transformersJsLanguageModel({ model: home, tokenizer })).rejects.toMatchObject({
    code: 'CHECKPOINT_INVALID',
  });
});
