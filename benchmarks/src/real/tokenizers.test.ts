import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTokenizer } from '@moepress/checkpoint';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { shapes } from './shapes.js';
import { addTokenizer } from './tokenizers.js';

const shared = process.env.MOEPRESS_SHARED;
const text = 'Which of these can fly? a sparrow';

let folder: string;
let checkpoint: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-tokenizers-'));
  checkpoint = mkdtempSync(join(folder, 'checkpoint-'));
  for (const name of ['config.json', 'model.safetensors']) writeFileSync(join(checkpoint, name), name);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('addTokenizer', () => {
  it('gives the embedded one in a folder of its own where there is no other', async () => {
    vi.stubEnv('MOEPRESS_SHARED', '');
    const made = await addTokenizer(checkpoint, shapes[0]!);
    expect(made).toEqual({ directory: `${checkpoint}-tiny`, tokenizer: 'tiny' });
    expect(await addTokenizer(checkpoint, shapes[0]!)).toEqual(made);
    expect(readFileSync(join(made.directory, 'model.safetensors'), 'utf8')).toBe('model.safetensors');
    const tokenizer = await openTokenizer(made.directory);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    await expect(openTokenizer(checkpoint)).rejects.toThrow('no tokenizer.json');
  });

  it('refuses one with more tokens than the model knows', async () => {
    vi.stubEnv('MOEPRESS_SHARED', '');
    await expect(addTokenizer(checkpoint, { ...shapes[0]!, vocabulary: 100 })).rejects.toThrow(
      /beyond the 100/,
    );
  });
});

describe.runIf(shared)('published tokenizers', () => {
  it.each(shapes)('$tokenizer fits into $title', async (shape) => {
    const made = await addTokenizer(checkpoint, shape);
    expect(made).toEqual({ directory: checkpoint, tokenizer: shape.tokenizer });
    const tokenizer = await openTokenizer(checkpoint);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});
