import { type Model, moeBlocks } from '@moepress/core';

/**
 * Multiplications and additions of the matrix products a token of a sequence of `length` needs in
 * all MoE blocks together; causal attention needs half of its square.
 */
export function forwardFlops(model: Model, length: number): number {
  const { hiddenSize: h, heads, kvHeads, headDim } = model.config;
  return moeBlocks(model).reduce((sum, { ffn }) => {
    const projections = 2 * h * headDim * (2 * heads + 2 * kvHeads);
    const attention = 2 * length * heads * headDim;
    const expert = 6 * h * ffn.pool[0]!.width;
    return sum + projections + attention + 2 * h * ffn.slots.length + ffn.router.topK * expert;
  }, 0);
}

/** The same with every expert on every token on top. */
export function allExpertsFlops(model: Model, length: number): number {
  const experts = moeBlocks(model).reduce(
    (sum, { ffn }) => sum + ffn.pool.length * 6 * model.config.hiddenSize * ffn.pool[0]!.width,
    0,
  );
  return forwardFlops(model, length) + experts;
}

/** The product with the vocabulary, a token. */
export const headFlops = ({ config }: Model): number => 2 * config.hiddenSize * config.vocabSize;

export const gflops = (value: number): string => `${(value / 1e9).toFixed(0)} GFLOP/s`;
export const gigabytes = (value: number): string => `${(value / 1e9).toFixed(2)} GB`;

/** Token ids of which every sequence walks another way through the vocabulary. */
export function walks({ config: { vocabSize } }: Model, sequences: number, length: number): number[][] {
  return Array.from({ length: sequences }, (_, s) =>
    Array.from({ length }, (_, t) => (s * 7919 + t * 104_729 + ((t * t) % 97)) % vocabSize),
  );
}
