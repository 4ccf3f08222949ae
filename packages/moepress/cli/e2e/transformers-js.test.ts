import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeModel, GraphBuilder, gather, matmul } from '@moepress/graph';
import { loadSamples } from '@moepress/harness';
import { tinyModel } from '@moepress/tiny';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';
import { without } from './without.js';

const vocabSize = 640;

/** A decoder with the embedded model's tokenizer that finds every token as likely as any other. */
function writeUniformModel(folder: string): void {
  const graph = new GraphBuilder('uniform');
  const ids = graph.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
  const ones = graph.constant(Array(vocabSize).fill(1), [vocabSize, 1], 'float32');
  const zeros = graph.constant(Array(vocabSize).fill(0), [1, vocabSize], 'float32');
  graph.output('logits', matmul(gather(ones, ids), zeros));
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  writeFileSync(join(folder, 'onnx/model_q4.onnx'), encodeModel(graph.finish()));
  const config = { model_type: 'llama', vocab_size: vocabSize, max_position_embeddings: 512 };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    cpSync(join(tinyModel.directory, name), join(folder, name));
  }
}

const ask = ['--tasks', 'tiny_facts', '--limit', '5', '--backend', 'transformers-js', '--json'];

describe('moepress eval --backend transformers-js', () => {
  it('scores a folder of ONNX files', () =>
    inTemporaryFolder(async (cwd) => {
      writeUniformModel(join(cwd, 'ready'));
      const args = ['eval', 'ready', ...ask, '--dtype', 'q4', '--output', 'out', '--answers', 'answers'];
      const { code, stdout, stderr } = await moepress(args, { cwd });
      expect(stderr).not.toContain('"error"');
      expect(code).toBe(0);
      expect(JSON.parse(stdout).results.tiny_facts['acc,none']).toBeDefined();
      const [model] = readdirSync(join(cwd, 'out'));
      const results = readdirSync(join(cwd, 'out', model!)).find((name) => name.startsWith('results_'))!;
      const { tiny_facts: samples } = await loadSamples(join(cwd, 'out', model!, results));
      expect(samples).toHaveLength(5);
      for (const [logprob] of samples!.flatMap(({ resps }) => resps.flat() as unknown as [number][])) {
        const tokens = Number(logprob) / -Math.log(vocabSize);
        expect(tokens).toBeGreaterThan(0.5);
        expect(tokens).toBeCloseTo(Math.round(tokens), 4);
      }
    }));

  it('keeps answers where the user says so, of these files alone', () =>
    inTemporaryFolder(async (cwd) => {
      writeUniformModel(join(cwd, 'ready'));
      const args = ['eval', 'ready', ...ask, '--dtype', 'q4', '--answers', 'answers'];
      const stores = async () => {
        expect((await moepress(args, { cwd })).code).toBe(0);
        return readdirSync(join(cwd, 'answers')).length;
      };
      expect(await stores()).toBe(1);
      writeFileSync(join(cwd, 'ready', 'onnx', 'model_fp16.onnx'), 'other numbers');
      expect(await stores()).toBe(1);
      const file = join(cwd, 'ready', 'onnx', 'model_q4.onnx');
      const { atime, mtime } = statSync(file);
      // A comment in the graph: a byte more, and the same numbers.
      writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from([0x32, 1, 0x78])]));
      utimesSync(file, atime, mtime);
      expect(await stores()).toBe(2);
    }));

  it('says which file it looked for', () =>
    inTemporaryFolder(async (cwd) => {
      writeUniformModel(join(cwd, 'ready'));
      const { code, stderr } = await moepress(['eval', 'ready', ...ask], { cwd });
      expect(code).not.toBe(0);
      expect(stderr).toContain('CHECKPOINT_NOT_FOUND');
      expect(stderr).toContain('onnx/model.onnx');
    }));

  it('says how to get the library', () =>
    inTemporaryFolder(async (cwd) => {
      writeUniformModel(join(cwd, 'ready'));
      const env = { NODE_OPTIONS: without('@huggingface/transformers') };
      const { code, stderr } = await moepress(['eval', 'ready', ...ask], { cwd, env });
      expect(code).not.toBe(0);
      expect(stderr).toContain('npm install @huggingface/transformers');
    }));

  it.each([
    [['--plan', 'plan.json'], '--plan is for a model that moepress runs'],
    [['--threads', '1'], '--threads is for a model that moepress runs'],
    [['--max-length', '9'], '--max-length is for a model that a server runs'],
    [['--base-url', 'http://localhost/v1'], "cannot be used with option '--base-url"],
  ])('does not go with %j', async (more, message) => {
    const { code, stderr } = await moepress(['eval', 'tiny', ...ask, ...more]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});

it('takes the numbers of files only of ready-made models', async () => {
  const args = ['eval', 'tiny', '--tasks', 'tiny_facts', '--dtype', 'q4'];
  const { code, stderr } = await moepress(args);
  expect(code).not.toBe(0);
  expect(stderr).toContain('--dtype is for a model that is ready-made');
});
