import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LlamaEngine } from './llama-engine.js';

/**
 * What node-llama-cpp offers of which this package makes use, with a model of one rule: the next token is the last one
 * plus one. Of token 90 its process dies, at 80 it throws, at 70 it waits for ever.
 */
const stand = `
export const getModuleVersion = async () => '3.22.1';
export const getLlama = async ({ build, skipDownload }) => {
  if (build !== 'never' || !skipDownload) throw new Error('builds');
  return { gpu: false, llamaCppRelease: { release: 'b1' }, loadModel };
};
async function loadModel({ modelPath }) {
  if (modelPath.endsWith('binary.gguf')) throw Object.assign(new Error('No binary for this machine.'), { name: 'NoBinaryFoundError' });
  if (modelPath.endsWith('bad.gguf')) { console.error('unknown model architecture'); throw new Error('Failed to load model'); }
  return { createContext };
}
async function createContext({ contextSize }) {
  const getSequence = () => {
    let state = [];
    return {
      get nextTokenIndex() { return state.length; },
      async adaptStateToTokens(tokens) {
        let same = 0;
        while (same < tokens.length && tokens[same] === state[same]) same++;
        state = state.slice(0, same);
      },
      async *evaluate(tokens, { temperature, seed }) {
        for (let next = tokens; ; ) {
          state.push(...next);
          if (state.length > contextSize) throw new Error('The context is full.');
          const last = state.at(-1);
          if (last === 90) process.kill(process.pid, 'SIGKILL');
          if (last === 80) throw new Error('It is 80');
          if (last === 70) await new Promise(() => setInterval(() => {}, 1000));
          const token = temperature > 0 ? 1000 + seed : last + 1;
          yield token;
          next = [token];
        }
      },
    };
  };
  return { getSequence, async dispose() {} };
}
`;

const folder = mkdtempSync(join(tmpdir(), 'moepress-llama-'));
afterAll(() => rmSync(folder, { recursive: true }));
const installed = join(folder, 'node_modules/node-llama-cpp');
mkdirSync(installed, { recursive: true });
writeFileSync(
  join(installed, 'package.json'),
  JSON.stringify({ name: 'node-llama-cpp', type: 'module', exports: { '.': { import: './index.js' } } }),
);
writeFileSync(join(installed, 'index.js'), stand);

const open = (file = 'model.gguf', from = folder) =>
  new LlamaEngine({ file: join(folder, file), from, sequences: 2, threads: 1, gpu: false });
const rules = { maxNewTokens: 4, eosTokenIds: [9] };

describe('an engine of llama.cpp', () => {
  it('continues prompts up to their ends, says what it is, and starts again after it was killed', async () => {
    const engine = open();
    expect(await engine.generate([[1, 2, 3], [7], [50]], rules)).toEqual([
      [4, 5, 6, 7],
      [8, 9],
      [51, 52, 53, 54],
    ]);
    expect(await engine.facts()).toEqual({ binding: '3.22.1', release: 'b1', gpu: false });
    const stop = (ids: readonly number[], index: number) => index === 0 && ids.length === 2;
    // Longer than the context that is open.
    const long = Array.from({ length: 600 }, (_, i) => 1000 + i);
    expect(await engine.generate([[1, 2], long], { ...rules, stop })).toEqual([
      [3, 4],
      [1600, 1601, 1602, 1603],
    ]);
    const drawn = { temperature: 1, topP: 1, topK: 0, seeds: [3, 4] };
    expect(await engine.generate([[1], [1]], { ...rules, maxNewTokens: 1, drawn })).toEqual([[1003], [1004]]);
    expect(await engine.generate([], rules)).toEqual([]);
    await expect(engine.generate([[]], rules)).rejects.toMatchObject({ code: 'INPUT_INVALID' });

    const dying = engine.generate([[88], [1]], rules);
    await expect(dying).rejects.toMatchObject({
      code: 'LLAMA_CPP_FAILED',
      message: expect.stringContaining('was ended by SIGKILL in the middle of its work'),
    });
    await expect(engine.generate([[80]], rules)).rejects.toMatchObject({
      code: 'LLAMA_CPP_FAILED',
      message: expect.stringContaining('It is 80'),
    });
    const abort = new AbortController();
    const waiting = engine.generate([[68]], {
      ...rules,
      signal: abort.signal,
      stop() {
        abort.abort();
        return false;
      },
    });
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    // Asked together, answered one after the other.
    const both = [engine.generate([[1]], rules), engine.generate([[20]], rules)];
    expect(await Promise.all(both)).toEqual([[[2, 3, 4, 5]], [[21, 22, 23, 24]]]);
    await engine.close();
  });

  it.each([
    ['a file that llama.cpp refuses', 'bad.gguf', 'LLAMA_CPP_FAILED', /Failed to load model.*unknown model/s],
    ['a machine without a binary', 'binary.gguf', 'LLAMA_CPP_MISSING', /No binary for this machine/],
  ])('says what is wrong: %s', async (_, file, code, message) => {
    await expect(open(file).facts()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('says what to install where the package is missing, and what a batch may be', async () => {
    const error = await open('model.gguf', tmpdir())
      .facts()
      .catch((cause) => cause);
    expect(error).toMatchObject({ code: 'LLAMA_CPP_MISSING', hint: expect.stringContaining('npm install') });
    expect(() => new LlamaEngine({ file: 'x', sequences: 0 })).toThrow(/from 1 on/);
  });
});
