import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arrayEntry, exprEntry, readSafetensors, writeSafetensors } from '@moepress/checkpoint';
import { tinyModel } from '@moepress/tiny';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moepress } from './command.js';
import { checkpoint } from './family-checkpoints.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-folders-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the tiny model. */
function tiny(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const file of ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json']) {
    cpSync(join(tinyModel.directory, file), join(path, file));
  }
  cpSync(join(tinyModel.directory, 'tokenizer_config.json'), join(path, 'tokenizer_config.json'));
  return path;
}

function edit(path: string, file: string, change: Readonly<Record<string, unknown>>): void {
  const json = JSON.parse(readFileSync(join(path, file), 'utf8'));
  writeFileSync(join(path, file), JSON.stringify({ ...json, ...change }));
}

const evaluate = (path: string, ...more: readonly string[]) =>
  moepress(['eval', path, '--no-answers', '--json', ...more]);

const scoreOf = (stdout: string, task: string, metric: string): number =>
  JSON.parse(stdout).results[task][metric];

const warnings = (stderr: string): string[] =>
  stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === 'warning')
    .map(({ message }) => message);

describe('folders as people have them', () => {
  it('generation stops where generation_config.json says, and does not start where it asks for more', async () => {
    const path = tiny('generation');
    edit(path, 'generation_config.json', { eos_token_id: [0, 13] });
    const tasks = ['--tasks', 'tiny_gsm', '--limit', '3'];
    const stopped = await evaluate(path, ...tasks);
    // What lm-evaluation-harness scores with transformers.
    expect(scoreOf(stopped.stdout, 'tiny_gsm', 'exact_match,flexible-extract')).toBeCloseTo(1 / 3);
    edit(path, 'generation_config.json', { num_beams: 4 });
    const refused = await evaluate(path, ...tasks);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('num_beams');
    expect((await evaluate(path, '--tasks', 'tiny_facts', '--limit', '2')).code).toBe(0);
  });

  it('special tokens are found in special_tokens_map.json', async () => {
    const path = tiny('map');
    writeFileSync(join(path, 'tokenizer_config.json'), '{"tokenizer_class": "PreTrainedTokenizerFast"}');
    writeFileSync(join(path, 'special_tokens_map.json'), '{"eos_token": "<|endoftext|>"}');
    const rolling = await evaluate(path, '--tasks', 'tiny_heldout', '--limit', '1');
    expect(rolling.code).toBe(0);
  });

  it('prompts that do not fit are told of', async () => {
    const path = tiny('short');
    edit(path, 'config.json', { max_position_embeddings: 40 });
    const { code, stderr } = await evaluate(path, '--tasks', 'tiny_where', '--limit', '4');
    expect(code).toBe(0);
    expect(warnings(stderr)).toEqual([expect.stringMatching(/do(es)? not fit the context of 40 tokens/)]);
  });

  it('tensors that nobody reads are named and carried along', async () => {
    const path = join(folder, 'unread');
    cpSync(checkpoint('mixtral'), path, { recursive: true });
    const { tensors } = await readSafetensors(join(checkpoint('mixtral'), 'model.safetensors'));
    const extra = 'model.layers.0.self_attn.q_proj.bias';
    await writeSafetensors(join(path, 'model.safetensors'), [
      ...[...tensors.values()].map((tensor) => exprEntry(tensor.name, tensor)),
      arrayEntry(extra, 'F32', [2], new Float32Array(2)),
    ]);
    const out = join(folder, 'unread-out');
    const written = await moepress([
      ...['compress', path, '--method', 'random', '--ratio', '0.25', '--out', out, '--json'],
    ]);
    expect(written.code).toBe(0);
    expect(warnings(written.stderr).filter((message) => message.includes(extra))).toHaveLength(1);
    expect((await readSafetensors(join(out, 'model.safetensors'))).tensors.has(extra)).toBe(true);
  });

  it.each(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'])(
    'git-lfs pointers are known in %s',
    async (file) => {
      const path = tiny(`lfs-${file}`);
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 99\n`;
      writeFileSync(join(path, file), pointer);
      const { code, stderr } = await evaluate(path, '--tasks', 'tiny_facts', '--limit', '1');
      expect(code).toBe(1);
      expect(stderr).toMatch(/git-lfs pointer[\s\S]*git lfs pull/);
    },
  );

  it('an adapter alone says what it is and how to merge it', async () => {
    const path = join(folder, 'adapter');
    cpSync(checkpoint('adapters/plain'), path, { recursive: true });
    edit(path, 'adapter_config.json', { base_model_name_or_path: '/nowhere/base' });
    const { code, stderr } = await moepress(['inspect', path]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/LoRA adapter without its base model[\s\S]*merge_and_unload/);
  });
});
