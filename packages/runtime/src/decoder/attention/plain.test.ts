import type { Value } from '@moepress/core';
import { GraphBuilder } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { int32, type TensorData, tensor } from '../../engine/protocol.js';
import { EngineWorker } from '../../engine/worker.js';
import { maxDifference } from '../../testing/golden.js';
import { runGraph } from '../../testing/run-graph.js';
import { type AttentionInputs, plainAttention } from './plain.js';

interface Case {
  readonly heads: number;
  readonly kvHeads: number;
  readonly window: number | null;
  readonly sinks: boolean;
  /** Tokens of each sequence before this run; null: there is no cache. */
  readonly past: readonly number[] | null;
  /** Tokens of each sequence in this run. */
  readonly lengths: readonly number[];
}

const headDim = 8;
/** Unused capacity of the cache, filled with numbers that must not be read. */
const room = 5;

let engine: EngineWorker;
beforeAll(() => {
  engine = new EngineWorker(1);
});
afterAll(() => engine.dispose());

/** The operator of ONNX Runtime's own, which wants to know how long the longest sequence is, the past included. */
function fusedAttention(inputs: AttentionInputs, totalLength: Value): Value {
  const { query, key, value, past, heads, kvHeads, scale, window, sinks } = inputs;
  const headDim = Number(query.shape[2]) / heads;
  const present = { dtype: query.dtype, shape: [query.shape[0]!, kvHeads, 'total', headDim] };
  const [output] = query.graph.multi(
    'GroupQueryAttention',
    [
      ...[query, key, value, past?.key ?? null, past?.value ?? null],
      ...[inputs.lastPositions, totalLength],
      // Rotary tables, positions and a bias of the scores stand between.
      ...(sinks ? [null, null, null, null, sinks] : []),
    ],
    [{ dtype: query.dtype, shape: query.shape }, present, present],
    {
      domain: 'com.microsoft',
      attributes: {
        num_heads: heads,
        kv_num_heads: kvHeads,
        scale: { float: scale },
        local_window_size: window ?? -1,
      },
    },
  );
  return output!;
}

async function run(
  attend: (inputs: AttentionInputs, totalLength: Value) => Value,
  given: Case,
): Promise<Float32Array> {
  const { heads, kvHeads, window, sinks, past, lengths } = given;
  const [batch, longest] = [lengths.length, Math.max(...lengths)];
  const capacity = past && (Math.max(...past) === 0 ? 0 : Math.max(...past) + room);
  const graph = new GraphBuilder('attention');
  const feeds: Record<string, TensorData> = {};
  const input = (name: string, dims: number[]) => {
    const size = dims.reduce((product, n) => product * n, 1);
    feeds[name] = tensor(
      'float32',
      dims,
      Float32Array.from({ length: size }, (_, i) => Math.sin(dims.length + 1.3 * i)),
    );
    return graph.input(
      name,
      'float32',
      dims.map((size, axis) => (axis === dims.length - 1 ? size : `${name}${axis}`)),
    );
  };
  const vector = (name: string, numbers: number[]) => {
    feeds[name] = int32(numbers);
    return graph.input(name, 'int32', [numbers.length]);
  };
  const totals = lengths.map((length, b) => length + (past?.[b] ?? 0));
  const output = attend(
    {
      query: input('query', [batch, longest, heads * headDim]),
      key: input('key', [batch, longest, kvHeads * headDim]),
      value: input('value', [batch, longest, kvHeads * headDim]),
      past:
        capacity === null
          ? null
          : {
              key: input('pastKey', [batch, kvHeads, capacity, headDim]),
              value: input('pastValue', [batch, kvHeads, capacity, headDim]),
            },
      lastPositions: vector(
        'lastPositions',
        totals.map((total) => total - 1),
      ),
      ...{ heads, kvHeads, window, scale: 0.3 },
      sinks: sinks ? input('sinks', [heads]) : null,
    },
    vector('totalLength', [Math.max(...totals)]),
  );
  graph.output('output', output);
  const results = await runGraph(engine, graph.finish(), feeds);
  const width = heads * headDim;
  // What stands at padding means nothing.
  const rows = lengths.flatMap((length, b) => Array.from({ length }, (_, s) => b * longest + s));
  const all = results.output!.data as Float32Array;
  return Float32Array.from(rows.flatMap((row) => [...all.subarray(row * width, (row + 1) * width)]));
}

describe('attention in plain operators', () => {
  const plainest: Case = { heads: 4, kvHeads: 4, window: null, sinks: false, past: null, lengths: [7] };
  it.each<[string, Case]>([
    ['one sequence', plainest],
    ['heads in groups, padding', { ...plainest, kvHeads: 2, lengths: [7, 3, 5] }],
    ['a window', { ...plainest, window: 3, lengths: [9, 2] }],
    ['sinks', { ...plainest, kvHeads: 1, sinks: true, lengths: [6, 4] }],
    ['an empty past', { ...plainest, past: [0, 0], lengths: [6, 4] }],
    ['pasts of several lengths', { ...plainest, kvHeads: 2, past: [6, 2, 11], lengths: [1, 1, 1] }],
    ['a window over a past', { ...plainest, window: 4, past: [6, 2, 11], lengths: [1, 1, 1] }],
    ['sinks beside a past', { ...plainest, sinks: true, past: [3, 8], lengths: [1, 1] }],
  ])('is that of the fused operator: %s', async (_, given) => {
    const expected = await run(fusedAttention, given);
    expect(maxDifference(await run(plainAttention, given), expected)).toBeLessThan(1e-6);
  });

  it('ends at the beginning of a chunk: a window of as many tokens as there are of it', async () => {
    const inChunks = (inputs: AttentionInputs) => plainAttention({ ...inputs, window: 4, chunked: true });
    const newest: Case = { ...plainest, window: 3, past: [6, 2, 10], lengths: [1, 1, 1] };
    expect(maxDifference(await run(inChunks, newest), await run(fusedAttention, newest))).toBeLessThan(1e-6);
    const first: Case = { ...plainest, lengths: [4, 3] };
    expect(maxDifference(await run(inChunks, first), await run(fusedAttention, first))).toBeLessThan(1e-6);
  });
});
