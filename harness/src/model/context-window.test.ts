import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { golden, shared } from '../testing/reference.js';
import { rollingWindows, truncatePair, truncatePrompt } from './context-window.js';

const range = (n: number, from = 0) => Array.from({ length: n }, (_, i) => from + i);
const refused = expect.objectContaining({ code: 'INPUT_INVALID' });

describe('truncatePair', () => {
  it('keeps one id more than the model reads, since the last is only predicted', () => {
    const pair = { context: range(10), continuation: [100, 101] };
    expect(truncatePair(pair, 5)).toEqual({ ids: [6, 7, 8, 9, 100, 101], from: 4 });
  });

  it('keeps at least one id of context', () => {
    expect(truncatePair({ context: [1, 2], continuation: range(5, 100) }, 5).from).toBe(1);
    expect(() => truncatePair({ context: [1, 2], continuation: range(6) }, 5)).toThrow(refused);
  });
});

describe('truncatePrompt', () => {
  it('leaves room for what is generated', () => {
    expect(truncatePrompt(range(18), 20, 5)).toEqual(range(15, 3));
    expect(() => truncatePrompt([1], 20, 20)).toThrow(refused);
  });
});

describe('rollingWindows', () => {
  it('predicts every id once, after as much context as fits', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 1, max: 12 }), (n, maxLength) => {
        const windows = rollingWindows(range(n, 100), 7, maxLength);
        expect(windows.flatMap(({ ids, from }) => ids.slice(from))).toEqual(range(n, 100));
        for (const { ids, from } of windows) {
          expect(from).toBeGreaterThanOrEqual(1);
          expect(ids.length).toBeLessThanOrEqual(maxLength + 1);
        }
        for (const { ids } of windows.slice(1)) expect(ids.length).toBe(maxLength + 1);
        if (n > 0) expect(windows[0]!.ids[0]).toBe(7);
      }),
    );
  });
});

interface Rolling {
  n: number;
  max_seq_len: number;
  context_len: number;
  prefix_token: number;
  disjoint: [number[], number[]][];
}

interface Truncation {
  ctx_len: number;
  cont_len: number;
  max_length: number;
  hf_input: number[];
  hf_scored_positions: [number, number];
  api_or_vllm_input_with_max_ctx_len_M: number[];
  api_ctxlen: number;
}

interface Prompt {
  n: number;
  max_gen_toks: number;
  max_model_len: number;
  side: string;
  shrink: boolean;
  tokens: number[];
}

describe.runIf(shared)('lm-evaluation-harness', () => {
  it('rolls the same windows', () => {
    const lines = golden<Rolling>('rolling_windows.jsonl').filter(({ context_len }) => context_len === 1);
    expect(lines.length).toBeGreaterThan(5);
    for (const { n, max_seq_len, prefix_token, disjoint } of lines) {
      const windows = rollingWindows(range(n, 100), prefix_token, max_seq_len);
      expect(windows.map(({ ids, from }) => [ids.slice(0, from), ids.slice(from)])).toEqual(disjoint);
    }
  });

  it('truncates pairs the same', () => {
    for (const line of golden<Truncation>('truncation.jsonl')) {
      const pair = { context: range(line.ctx_len), continuation: range(line.cont_len, 1000) };
      const { ids, from } = truncatePair(pair, line.max_length);
      expect(ids.slice(0, -1)).toEqual(line.hf_input);
      expect([from - 1, ids.length - 1]).toEqual(line.hf_scored_positions);
    }
  });

  it('truncates pairs for servers the same, to as many ids as they read', () => {
    for (const line of golden<Truncation>('truncation.jsonl')) {
      const pair = { context: range(line.ctx_len), continuation: range(line.cont_len, 1000) };
      const truncate = () => truncatePair(pair, line.max_length - 1);
      // Without an id before it, the first would not be scored.
      if (line.api_ctxlen <= 0) expect(truncate).toThrow(refused);
      else {
        const ids = line.api_or_vllm_input_with_max_ctx_len_M;
        expect(truncate()).toEqual({ ids, from: line.api_ctxlen });
      }
    }
  });

  it('truncates prompts the same', () => {
    const lines = golden<Prompt>('maybe_truncate.jsonl').filter(
      ({ side, shrink }) => side === 'left' && !shrink,
    );
    expect(lines.length).toBeGreaterThan(1);
    for (const { n, max_gen_toks, max_model_len, tokens } of lines) {
      expect(truncatePrompt(range(n), max_model_len, max_gen_toks)).toEqual(tokens);
    }
  });
});
