import type { Block, Model, MoeFfn } from '@moepress/core';
import type { TensorImportance } from './importance.js';

/** Sums of squares of what an MLP is multiplied with: gate and up, and down. */
interface MlpSquares {
  readonly input: Float64Array;
  readonly activation: Float64Array;
}

/** What was measured in one layer of a view, sums over tokens; null for what the layer lacks. */
export interface LayerSquares {
  readonly attention: {
    readonly input: Float64Array;
    readonly heads: Float64Array;
    readonly count: number;
  } | null;
  /** The dense FFN or the shared expert. */
  readonly mlp: (MlpSquares & { readonly count: number }) | null;
  /** Rows of the experts of the pool, as long as that of the widest, and the tokens of each. */
  readonly experts: (MlpSquares & { readonly counts: Float64Array }) | null;
}

/**
 * Measured sums by the names of the tensors that they belong to, for a view as it is written: slots share experts there no
 * more, and experts have one width.
 */
export function namedImportance(
  model: Model,
  measured: ReadonlyMap<number, LayerSquares>,
): Map<string, TensorImportance> {
  const named = new Map<string, TensorImportance>();
  for (const block of model.blocks) {
    const squares = measured.get(block.index);
    if (squares)
      for (const [name, own] of ofBlock(block, squares)) named.set(`blk.${block.index}.${name}.weight`, own);
  }
  return named;
}

type Named = readonly [name: string, importance: TensorImportance];

function ofBlock({ attention, ffn }: Block, { attention: ofAttention, mlp, experts }: LayerSquares): Named[] {
  const found: Named[] = [];
  if (ofAttention) {
    const { input, heads, count } = ofAttention;
    const queries =
      attention.kind === 'mla'
        ? ['attn_q', 'attn_q_a', 'attn_kv_a_mqa']
        : ['attn_q', 'attn_k', 'attn_v', 'attn_gate'];
    for (const name of queries) found.push([name, single(input, count)]);
    found.push(['attn_output', single(heads, count)]);
  }
  if (ffn.kind === 'moe' && experts) found.push(...ofExperts(ffn, experts));
  if (mlp) found.push(...ofMlp(mlp, suffixOf(ffn)));
  return found;
}

/** Gemma 4 names its shared expert as a dense FFN would be, and a tensor that is not in the file is not asked for. */
const suffixOf = (ffn: Block['ffn']): string[] => (ffn.kind === 'moe' ? ['_shexp', ''] : ['']);

function ofMlp(
  { input, activation, count }: NonNullable<LayerSquares['mlp']>,
  suffixes: readonly string[],
): Named[] {
  return suffixes.flatMap((suffix): Named[] => [
    [`ffn_gate${suffix}`, single(input, count)],
    [`ffn_up${suffix}`, single(input, count)],
    [`ffn_down${suffix}`, single(activation, count)],
  ]);
}

const single = (squares: Float64Array, count: number): TensorImportance => ({
  squares: Float32Array.from(squares),
  counts: Float32Array.of(count),
});

function ofExperts(
  { pool, slots }: MoeFfn,
  { input, activation, counts }: NonNullable<LayerSquares['experts']>,
): Named[] {
  const of = (rows: Float64Array, columns: number): TensorImportance => {
    const own = rows.length / pool.length;
    const squares = new Float32Array(slots.length * columns);
    for (const [slot, position] of slots.entries()) {
      const row = rows.subarray(position * own, position * own + Math.min(own, columns));
      squares.set(row, slot * columns);
    }
    return { squares, counts: Float32Array.from(slots, (position) => counts[position]!) };
  };
  const [{ up, down }] = pool as readonly [MoeFfn['pool'][number]];
  const gateAndUp = of(input, up.shape[1]!);
  return [
    ['ffn_gate_exps', gateAndUp],
    ['ffn_up_exps', gateAndUp],
    ['ffn_down_exps', of(activation, down.shape[1]!)],
  ];
}
