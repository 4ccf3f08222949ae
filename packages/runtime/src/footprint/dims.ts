import type { Block } from '@moepress/core';
import type { DimSize } from '@moepress/graph';
import { tilesOf } from '../tokens/tiles.js';
import type { Layout } from '../tokens/token-layout.js';

/** Sizes of the named axes of a run's graph. */
export type AxisSizes = Readonly<Record<string, number>>;

/** Into how many parts the differentiable attention takes its queries. */
const attentionParts = 8;

/**
 * Sizes of axes by their names. Those of the parts of another one (`T.part3`, `T.upTo3`) follow from its size; a name that
 * is in none of the `sizes` counts as T.
 */
export function dimsOf(sizes: AxisSizes): DimSize {
  const sizeOf: DimSize = (name) => {
    const known = sizes[name];
    if (known !== undefined) return known;
    const chunk = /^(chunks?)\.(\d+)$/.exec(name);
    if (chunk) {
      const [tokens, most] = [sizes.T ?? 0, Number(chunk[2])];
      return chunk[1] === 'chunk' ? Math.min(tokens, most) : Math.ceil(tokens / most);
    }
    // Those of a batch are about as long as each other: as one after the other they take as many places.
    if (name === 'sequences') return sizes.B ?? 1;
    const part = /^(.+)\.(part|upTo)(\d+)$/.exec(name);
    if (!part) return sizes.T ?? 0;
    const parts = part[2] === 'part' ? 1 : Number(part[3]) + 1;
    return Math.min(sizeOf(part[1]!), Math.ceil((sizeOf(part[1]!) * parts) / attentionParts) + 1);
  };
  return sizeOf;
}

/** Sizes of the axes of a run of a block over trees of tokens, which `prefix` ones stand before. */
export function treeSizes(layout: Layout, heads: number, prefix = 0): AxisSizes {
  const { size, spans } = tilesOf(layout, { heads, window: null, prefix });
  let most = 0;
  for (let i = 0; i < spans.length; i += 2) most = Math.max(most, Number(spans[i + 1]! - spans[i]!));
  return { T: layout.ids.length, P: prefix, N: spans.length / 2, Q: size, K: most, heads };
}

/**
 * How many rows the experts of a block may see of T tokens: as many each, or all of them one expert and the rest as many
 * each. What graphs take is highest at about one of these.
 */
export function expertSizes({ ffn }: Block, tokens: number): AxisSizes[] {
  if (ffn.kind !== 'moe') return [{}];
  const count = ffn.pool.length;
  const picks = tokens * Math.min(ffn.router.topK, count);
  const sizes = (heavy: number | null) =>
    Object.fromEntries(
      ffn.pool.map((_, e) => {
        const even = heavy === null ? picks / count : (picks - tokens) / Math.max(1, count - 1);
        return [`n${e}`, e === heavy ? tokens : Math.min(tokens, Math.ceil(even))];
      }),
    );
  return [sizes(null), sizes(0), sizes(count - 1)];
}
